"""One prepared file a data set; one training and one evaluation a run."""


rule prepare:
    output:
        "results/data/{dataset}.h5",
    log:
        "results/logs/prepare.{dataset}.log",
    conda:
        "../../environment.yml"
    params:
        preset=PRESET,
        msi=lambda wildcards: CONFIG.datasets[wildcards.dataset].msi,
        code=lambda wildcards: code.fingerprint(
            f"ssif.data.{wildcards.dataset}", "ssif.sensors"
        ),
    shell:
        "python -m workflow.prepare --dataset {wildcards.dataset} --config {params.preset} 2>&1 | tee {log}"


rule train:
    input:
        "results/data/{dataset}.h5",
    output:
        weights=run_file("weights.safetensors"),
        config=run_file("config.json"),
        curve=run_file("train.jsonl"),
    log:
        "results/logs/train.{preset}.{dataset}.{run}.log",
    conda:
        "../../environment.yml"
    threads: CONFIG.threads
    resources:
        gpu=int(CONFIG.device != "cpu"),
    params:
        preset=PRESET,
        identity=lambda wildcards: plan.fingerprint(
            plan.identity(CONFIG, RUNS[wildcards.run])
        ),
        code=lambda wildcards: code.fingerprint(
            MODELS[RUNS[wildcards.run].method].module, "ssif.training"
        ),
    shell:
        "python -m workflow.train --run {wildcards.run} --config {params.preset} 2>&1 | tee {log}"


rule evaluate:
    input:
        data="results/data/{dataset}.h5",
        weights=run_file("weights.safetensors"),
    output:
        run_file("metrics.csv"),
    log:
        "results/logs/evaluate.{preset}.{dataset}.{run}.log",
    conda:
        "../../environment.yml"
    threads: CONFIG.threads
    resources:
        gpu=int(CONFIG.device != "cpu"),
    params:
        preset=PRESET,
        grid=lambda wildcards: plan.fingerprint(plan.grid(CONFIG, RUNS[wildcards.run])),
        code=lambda wildcards: code.fingerprint(
            MODELS[RUNS[wildcards.run].method].module,
            "ssif.inference",
            "ssif.metrics",
            "ssif.data.degrade",
        ),
    shell:
        "python -m workflow.evaluate --run {wildcards.run} --config {params.preset} 2>&1 | tee {log}"
