"""One prepared file a data set; one training and one evaluation a run."""


def run_file(name):
    return f"results/runs/{{preset}}/{{dataset}}/{{run}}/{name}"


rule prepare:
    output:
        "results/data/{dataset}.h5",
    params:
        msi=lambda wildcards: CONFIG.datasets[wildcards.dataset].msi,
        code=lambda wildcards: code.fingerprint(f"ssif.data.{wildcards.dataset}", "ssif.sensors"),
    log:
        "results/logs/prepare.{dataset}.log",
    conda:
        "../../environment.yml"
    shell:
        "python -m workflow.prepare --dataset {wildcards.dataset} --config {PRESET} 2>&1 | tee {log}"


rule train:
    input:
        "results/data/{dataset}.h5",
    output:
        weights=run_file("weights.safetensors"),
        config=run_file("config.json"),
        curve=run_file("train.jsonl"),
    params:
        identity=lambda wildcards: plan.fingerprint(plan.identity(CONFIG, RUNS[wildcards.run])),
        code=lambda wildcards: code.fingerprint(MODELS[RUNS[wildcards.run].method].module, "ssif.training"),
    threads: CONFIG.threads
    resources:
        gpu=int(CONFIG.device != "cpu"),
    log:
        "results/logs/train.{preset}.{dataset}.{run}.log",
    conda:
        "../../environment.yml"
    shell:
        "python -m workflow.train --run {wildcards.run} --config {PRESET} 2>&1 | tee {log}"


rule evaluate:
    input:
        data="results/data/{dataset}.h5",
        weights=run_file("weights.safetensors"),
    output:
        run_file("metrics.csv"),
    params:
        grid=lambda wildcards: plan.fingerprint(plan.grid(CONFIG, RUNS[wildcards.run])),
        code=lambda wildcards: code.fingerprint(
            MODELS[RUNS[wildcards.run].method].module, "ssif.inference", "ssif.metrics", "ssif.data.degrade"
        ),
    threads: CONFIG.threads
    resources:
        gpu=int(CONFIG.device != "cpu"),
    log:
        "results/logs/evaluate.{preset}.{dataset}.{run}.log",
    conda:
        "../../environment.yml"
    shell:
        "python -m workflow.evaluate --run {wildcards.run} --config {PRESET} 2>&1 | tee {log}"
