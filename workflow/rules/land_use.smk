"""Land cover: prepared labels, and the classification of every image that Table 3 and Figure 9 show."""


rule land_cover:
    output:
        "results/data/{dataset}.land_cover.h5",
    log:
        "results/logs/land_cover.{dataset}.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        preset=PRESET,
        root=root,
        program="prepare --dataset {dataset} --land-cover",
        code=lambda wildcards: fingerprints.of_job(
            "workflow.prepare", f"ssif.data.{wildcards.dataset}"
        ),
    shell:
        PROGRAM


rule classify:
    input:
        data="results/data/{dataset}.h5",
        land_cover="results/data/{dataset}.land_cover.h5",
        weights=lambda wildcards: weights([classifier_of(wildcards.run)]),
        images=lambda wildcards: [
            ROWS[run].folder / "predictions.h5"
            for run in ROWS.keys() & {wildcards.run}
        ],
    output:
        run_file("land_use.csv"),
        run_file("maps.h5"),
    log:
        "results/logs/classify.{preset}.{dataset}.{run}.log",
    wildcard_constraints:
        run="|".join(map(re.escape, CLASSIFIED)) or "none",
    conda:
        "../../environment.yml"
    threads: CONFIG.threads
    resources:
        **needs(lambda run: [classifier_of(run)]),
    params:
        preset=PRESET,
        root=root,
        program="classify --run {run}",
        shown=runs.short_hash(
            [
                its
                for name, its in (CONFIG.tables | CONFIG.figures).items()
                if name in schema.LAND_USE
            ],
            CONFIG.antialias,
        ),
        code=lambda wildcards: fingerprints.of_job(
            "workflow.classify",
            *runs.modules([classifier_of(wildcards.run)]),
        ),
    shell:
        PROGRAM


use rule cells as land_use_table with:
    input:
        lambda wildcards: land_use("table3"),
        data=lambda wildcards: runs.data_file(TARGETS["table3"].dataset),
        records=lambda wildcards: records(behind("table3")),
    output:
        multiext("results/table3", ".csv", ".md", ".tex"),
    log:
        "results/logs/table3.log",
    localrule: True
    params:
        program="tables.land_use --table table3",
        shown=runs.short_hash(CONFIG.tables.get("table3")),
        files=fingerprints.of_files("workflow/tables/paper_table3.csv"),
        imports=lambda wildcards: imports(["table3"]),
        code=fingerprints.fingerprint("workflow.tables.land_use"),
