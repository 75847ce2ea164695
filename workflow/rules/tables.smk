"""Tables 1 and 2 and the ablations, each from the scores of the rows it shows; results/cells.csv holds them all."""


rule cells:
    input:
        scores(TARGETS),
    output:
        "results/cells.csv",
    log:
        "results/logs/cells.log",
    conda:
        "../../environment.yml"
    params:
        preset=PRESET,
        code=code.fingerprint("workflow.tables.cells"),
    shell:
        "python -m workflow.tables.cells --config {params.preset} 2>&1 | tee {log}"


rule table:
    input:
        scores=lambda wildcards: scores([wildcards.table]),
        reported=f"{workflow.basedir}/results/reference/paper_{{table}}.csv",
    output:
        multiext("results/{table}", ".csv", ".md", ".tex"),
    log:
        "results/logs/{table}.log",
    wildcard_constraints:
        table="table[12]",
    conda:
        "../../environment.yml"
    params:
        preset=PRESET,
        code=code.fingerprint("workflow.tables.over_scales"),
    shell:
        "python -m workflow.tables.over_scales --table {wildcards.table} --config {params.preset} 2>&1 | tee {log}"


rule ablation:
    input:
        scores(CONFIG.ablations),
    output:
        "results/ablation.csv",
    log:
        "results/logs/ablation.log",
    conda:
        "../../environment.yml"
    params:
        preset=PRESET,
        shown=plan.fingerprint(CONFIG.ablations),
        code=code.fingerprint("workflow.tables.ablation"),
    shell:
        "python -m workflow.tables.ablation --config {params.preset} 2>&1 | tee {log}"
