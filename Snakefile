# The benchmark as a DAG: prepare -> train -> evaluate -> tables, figures, report. `snakemake --cores 4 results/table1.csv`
# Another preset: `snakemake --configfile config/standard.yaml --cores 4 results/table1.csv`
# A preset is whole: Snakemake would otherwise merge one given with --configfile into the default.
if not workflow.configfiles:
    try:
        open("config/config.yaml", encoding="utf-8").read()
    except UnicodeDecodeError as error:
        raise WorkflowError(f"config/config.yaml is not UTF-8: {error}")

    configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/runs.smk"
include: "workflow/rules/land_use.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"


localrules:
    all,
    figures,


rule all:
    default_target: True
    input:
        TABLES,
        FIGURES,
        "results/report.html",
    conda:
        "environment.yml"


rule figures:
    input:
        FIGURES,
    conda:
        "environment.yml"
