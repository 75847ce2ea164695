"""The table of all cells, and the paper's tables drawn from it."""


rule cells:
    input:
        [run.folder / "metrics.csv" for run in plan.table_runs(CONFIG)],
    output:
        "results/cells.csv",
    params:
        preset=CONFIG.preset,
        code=code.fingerprint("workflow.tables.cells"),
    log:
        "results/logs/cells.log",
    conda:
        "../../environment.yml"
    shell:
        "python -m workflow.tables.cells --config {PRESET} 2>&1 | tee {log}"


rule table1:
    input:
        "results/cells.csv",
        "results/reference/paper_table1.csv",
    output:
        "results/table1.csv",
        "results/table1.md",
        "results/table1.tex",
    params:
        code=code.fingerprint("workflow.tables.table1"),
    log:
        "results/logs/table1.log",
    conda:
        "../../environment.yml"
    shell:
        "python -m workflow.tables.table1 --config {PRESET} 2>&1 | tee {log}"
