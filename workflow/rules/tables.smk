"""Tables 1 and 2 and the tables of sensors, robustness and ablations, each from the scores of its rows; all are in
results/cells.csv. The rule `cells` is the pattern of all rules that draw something from scores.
"""


rule cells:
    input:
        scores(TARGETS),
    output:
        "results/cells.csv",
    log:
        "results/logs/cells.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        preset=PRESET,
        root=root,
        program="tables.cells",
        imports=imports(TARGETS),
        code=fingerprints.fingerprint("workflow.tables.cells"),
    shell:
        PROGRAM


use rule cells as table with:
    input:
        data=lambda wildcards: runs.data_file(TARGETS[wildcards.table].dataset),
        scores=lambda wildcards: scores([wildcards.table]),
        records=lambda wildcards: records(
            behind(wildcards.table), "config.json", "train.jsonl"
        ),
    output:
        multiext("results/{table}", ".csv", ".md", ".tex"),
    log:
        "results/logs/{table}.log",
    wildcard_constraints:
        table="table[12]",
    localrule: True
    params:
        program="tables.over_scales --table {table}",
        imports=lambda wildcards: imports([wildcards.table]),
        files=lambda wildcards: fingerprints.of_files(
            f"workflow/tables/paper_{wildcards.table}.csv"
        ),
        submitted=stamps(sorted(Path("results/submissions").glob("*.csv"))),
        code=fingerprints.fingerprint("workflow.tables.over_scales"),


use rule cells as ablation with:
    input:
        scores(CONFIG.ablations),
        records(row for name in CONFIG.ablations for row in TARGETS[name].rows),
    output:
        "results/ablation.csv",
    log:
        "results/logs/ablation.log",
    localrule: True
    params:
        program="tables.ablation",
        shown=runs.short_hash(CONFIG.ablations),
        imports=imports(CONFIG.ablations),
        code=fingerprints.fingerprint("workflow.tables.ablation"),


use rule evaluate as evaluate_sensors with:
    output:
        run_file("sensors.csv"),
    log:
        "results/logs/evaluate_sensors.{preset}.{dataset}.{run}.log",
    params:
        program="evaluate_sensors --run {run}",
        shown=runs.short_hash(CONFIG.tables.get(schema.SENSOR_TABLE), CONFIG.antialias),
        code=code_of_score("evaluate_sensors"),


use rule cells as sensor_table with:
    input:
        data=lambda wildcards: runs.data_file(TARGETS[schema.SENSOR_TABLE].dataset),
        scores=lambda wildcards: [
            row.folder / "sensors.csv" for row in TARGETS[schema.SENSOR_TABLE].rows
        ],
        records=lambda wildcards: records(behind(schema.SENSOR_TABLE)),
    output:
        multiext("results/table_sensors", ".csv", ".md", ".tex"),
    log:
        "results/logs/table_sensors.log",
    localrule: True
    params:
        program="tables.sensors",
        imports=lambda wildcards: imports([schema.SENSOR_TABLE]),
        code=fingerprints.fingerprint("workflow.tables.sensors"),


use rule evaluate as evaluate_robustness with:
    output:
        run_file("robustness.csv"),
    log:
        "results/logs/evaluate_robustness.{preset}.{dataset}.{run}.log",
    params:
        program="evaluate_robustness --run {run}",
        shown=runs.short_hash(
            CONFIG.tables.get(schema.ROBUSTNESS_TABLE), CONFIG.antialias
        ),
        camera=camera_file(),
        code=code_of_score("evaluate_robustness"),


use rule cells as robustness_table with:
    input:
        data=lambda wildcards: runs.data_file(TARGETS[schema.ROBUSTNESS_TABLE].dataset),
        scores=lambda wildcards: [
            row.folder / "robustness.csv"
            for row in TARGETS[schema.ROBUSTNESS_TABLE].rows
        ],
        records=lambda wildcards: records(behind(schema.ROBUSTNESS_TABLE)),
    output:
        multiext("results/table_robustness", ".csv", ".md", ".tex"),
        multiext("results/figures/robustness", ".pdf", ".png"),
    log:
        "results/logs/table_robustness.log",
    localrule: True
    params:
        program="tables.robustness",
        shown=runs.short_hash(CONFIG.tables.get(schema.ROBUSTNESS_TABLE)),
        files=fingerprints.of_files(STYLE),
        imports=lambda wildcards: imports([schema.ROBUSTNESS_TABLE]),
        code=fingerprints.fingerprint("workflow.tables.robustness"),
