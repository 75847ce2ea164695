"""Figures, drawn from scores, stored predictions and weights that are there already, as pdf and png; and the report."""


rule figure:
    input:
        data=lambda wildcards: plan.data_file(TARGETS[wildcards.figure].dataset),
        scores=lambda wildcards: (
            land_use(wildcards.figure)
            if wildcards.figure in presets.LAND_USE
            else scores([wildcards.figure])
        ),
    output:
        multiext("results/figures/{figure}", ".pdf", ".png"),
    log:
        "results/logs/{figure}.log",
    wildcard_constraints:
        figure="|".join([*CONFIG.figures, *CONFIG.ablations]) or "none",
    conda:
        "../../environment.yml"
    params:
        preset=PRESET,
        shown=lambda wildcards: plan.fingerprint(
            CONFIG.figures.get(wildcards.figure),
            CONFIG.ablations.get(wildcards.figure),
        ),
        code=code.fingerprint("workflow.figure"),
    shell:
        "python -m workflow.figure --figure {wildcards.figure} --config {params.preset} 2>&1 | tee {log}"


rule report:
    input:
        tables=TABLES,
        figures=FIGURES,
        template=f"{workflow.basedir}/workflow/report.html.j2",
    output:
        "results/report.html",
    log:
        "results/logs/report.log",
    conda:
        "../../environment.yml"
    params:
        preset=PRESET,
        code=code.fingerprint("workflow.report"),
    shell:
        "python -m workflow.report --config {params.preset} 2>&1 | tee {log}"
