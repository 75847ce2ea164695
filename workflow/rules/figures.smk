"""Figures, drawn from scores, stored predictions and weights that are there already, as pdf and png; and the report."""

STYLE = f"{workflow.basedir}/workflow/figures/ssif.mplstyle"


rule figure:
    input:
        data=lambda wildcards: runs.data_file(TARGETS[wildcards.figure].dataset),
        scores=lambda wildcards: (
            land_use(wildcards.figure)
            if wildcards.figure in schema.LAND_USE
            else scores([wildcards.figure])
        ),
        images=lambda wildcards: stored_images(TARGETS[wildcards.figure]),
        weights=lambda wildcards: (
            weights(TARGETS[wildcards.figure].rows)
            if wildcards.figure == "fig10"
            else []
        ),
        style=STYLE,
    output:
        multiext("results/figures/{figure}", ".pdf", ".png"),
    log:
        "results/logs/figure.{figure}.log",
    wildcard_constraints:
        figure="|".join([*CONFIG.figures, *CONFIG.ablations]) or "none",
    conda:
        "../../environment.yml"
    params:
        preset=PRESET,
        shown=lambda wildcards: runs.short_hash(
            CONFIG.figures.get(wildcards.figure),
            CONFIG.ablations.get(wildcards.figure),
        ),
        imports=lambda wildcards: imports([wildcards.figure]),
        code=fingerprints.fingerprint("workflow.figure"),
    shell:
        "python -m workflow.figure --figure {wildcards.figure:q} --config {params.preset:q} 2>&1 | tee {log:q}"


rule report:
    input:
        tables=TABLES,
        figures=FIGURES,
        records=records(NETWORKS.values(), "config.json", "train.jsonl"),
        data=[runs.data_file(target.dataset) for target in TARGETS.values()],
        land_cover=[
            runs.land_cover_file(target.dataset)
            for name, target in TARGETS.items()
            if name in schema.LAND_USE
        ],
        reported=[
            f"{workflow.basedir}/results/reference/paper_{name}.csv"
            for name in CONFIG.tables
            if name not in schema.OWN_TABLES
        ],
        paper=f"{workflow.basedir}/config/paper.yaml",
        template=f"{workflow.basedir}/workflow/report.html.j2",
        style=STYLE,
    output:
        "results/report.html",
    log:
        "results/logs/report.log",
    conda:
        "../../environment.yml"
    params:
        preset=PRESET,
        code=fingerprints.fingerprint("workflow.report"),
    shell:
        "python -m workflow.report --config {params.preset:q} 2>&1 | tee {log:q}"
