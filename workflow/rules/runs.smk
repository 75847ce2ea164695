"""One prepared file for each data set; one training and one evaluation for each run."""


rule prepare:
    output:
        "results/data/{dataset}.h5",
    log:
        "results/logs/prepare.{dataset}.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        preset=PRESET,
        root=root,
        program="prepare --dataset {dataset}",
        msi=lambda wildcards: CONFIG.datasets[wildcards.dataset].msi,
        source=lambda wildcards: runs.short_hash(
            CONFIG.datasets[wildcards.dataset].source
        ),
        files=lambda wildcards: raw_files(wildcards.dataset),
        sensors=fingerprints.of_files(*sorted(instruments.TABLES.glob("*.csv"))),
        code=lambda wildcards: fingerprints.of_job(
            "workflow.prepare", reader(wildcards.dataset)
        ),
    shell:
        PROGRAM


rule train:
    input:
        data="results/data/{dataset}.h5",
        networks=lambda wildcards: weights(
            runs.warm_start(CONFIG, NETWORKS[wildcards.run])
        ),
        land_cover=lambda wildcards: (
            runs.land_cover_file(wildcards.dataset)
            if methods.family(NETWORKS[wildcards.run].method) == "classifier"
            else []
        ),
        published=lambda wildcards: (
            local(f"{CONFIG.weights}/{wildcards.run}.safetensors")
            if CONFIG.weights
            else []
        ),
    output:
        weights=run_file("weights.safetensors"),
        config=run_file("config.json"),
        curve=run_file("train.jsonl"),
    log:
        "results/logs/train.{preset}.{dataset}.{run}.log",
    wildcard_constraints:
        run="|".join(map(re.escape, TO_TRAIN)) or "none",
    conda:
        "../../environment.yml"
    threads: CONFIG.threads
    resources:
        # Published weights are only copied.
        **needs(lambda run: [] if CONFIG.weights else [NETWORKS[run]], training=True),
    params:
        preset=PRESET,
        root=root,
        program="train --run {run}",
        identity=lambda wildcards: runs.short_hash(
            runs.identity(CONFIG, NETWORKS[wildcards.run])
        ),
        code=lambda wildcards: fingerprints.of_job(
            *runs.training_modules(CONFIG, NETWORKS[wildcards.run])
        ),
    shell:
        PROGRAM


rule evaluate:
    input:
        data="results/data/{dataset}.h5",
        weights=lambda wildcards: weights(runs.stages(ROWS[wildcards.run])),
    output:
        run_file("metrics.csv"),
        run_file("predictions.h5"),
    log:
        "results/logs/evaluate.{preset}.{dataset}.{run}.log",
    wildcard_constraints:
        run="|".join(map(re.escape, ROWS)),
    conda:
        "../../environment.yml"
    threads: CONFIG.threads
    resources:
        **needs(lambda run: runs.stages(ROWS[run])),
    params:
        preset=PRESET,
        root=root,
        program="evaluate --run {run}",
        method=lambda wildcards: method(ROWS[wildcards.run]),
        shown=lambda wildcards: runs.short_hash(
            targets.cells(TARGETS.values(), ROWS[wildcards.run]),
            targets.stored_cells(TARGETS, ROWS[wildcards.run]),
            CONFIG.antialias,
        ),
        code=code_of_score("evaluate"),
    shell:
        PROGRAM
