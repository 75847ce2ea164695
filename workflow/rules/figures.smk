"""Figures, drawn from existing scores, stored predictions and weights, as pdf and png; and the report."""


use rule cells as figure with:
    input:
        data=lambda wildcards: runs.data_file(TARGETS[wildcards.figure].dataset),
        scores=lambda wildcards: (
            land_use(wildcards.figure)
            if wildcards.figure in schema.LAND_USE
            else scores([wildcards.figure])
        ),
        images=lambda wildcards: stored_images(TARGETS[wildcards.figure]),
        weights=lambda wildcards: (
            weights(behind(wildcards.figure))
            if wildcards.figure in schema.OF_NETWORKS
            else []
        ),
    output:
        multiext("results/figures/{figure}", ".pdf", ".png"),
    log:
        "results/logs/figure.{figure}.log",
    wildcard_constraints:
        figure="|".join([*CONFIG.figures, *CONFIG.ablations]) or "none",
    localrule: True
    params:
        program="figure --figure {figure}",
        shown=lambda wildcards: runs.short_hash(
            CONFIG.figures.get(wildcards.figure),
            CONFIG.ablations.get(wildcards.figure),
        ),
        imports=lambda wildcards: imports([wildcards.figure]),
        files=fingerprints.of_files(STYLE),
        code=fingerprints.fingerprint("workflow.figure"),


use rule cells as report with:
    input:
        tables=TABLES,
        figures=FIGURES,
        scores=scores(TARGETS),
        records=records(NETWORKS.values(), "config.json", "train.jsonl"),
        data=[runs.data_file(target.dataset) for target in TARGETS.values()],
        land_cover=[
            runs.land_cover_file(target.dataset)
            for name, target in TARGETS.items()
            if name in schema.LAND_USE
        ],
    output:
        "results/report.html",
    log:
        "results/logs/report.log",
    localrule: True
    params:
        program="report",
        files=fingerprints.of_files(
            STYLE,
            "workflow/report.html.j2",
            presets.FOLDER / "paper.yaml",
            *(
                f"workflow/tables/paper_{name}.csv"
                for name in CONFIG.tables
                if name not in schema.OWN_TABLES
            ),
        ),
        code=fingerprints.fingerprint("workflow.report"),
