"""The table of all cells, and the paper's tables drawn from it."""


rule cells:
    input:
        [row.folder / "metrics.csv" for row in plan.table_rows(CONFIG)],
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


rule table1:
    input:
        cells="results/cells.csv",
        reported=workflow.source_path("../../results/reference/paper_table1.csv"),
    output:
        "results/table1.csv",
        "results/table1.md",
        "results/table1.tex",
    log:
        "results/logs/table1.log",
    conda:
        "../../environment.yml"
    params:
        preset=PRESET,
        code=code.fingerprint("workflow.tables.table1"),
    shell:
        "python -m workflow.tables.table1 --config {params.preset} 2>&1 | tee {log}"
