# The benchmark as a DAG: prepare -> train -> evaluate -> tables. `snakemake --cores 4 results/table1.csv`
# Another preset: `snakemake --configfile config/standard.yaml --cores 4 results/table1.csv`
# A preset is whole: Snakemake would otherwise merge one given with --configfile into the default.
if not workflow.configfiles:

    configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/runs.smk"
include: "workflow/rules/tables.smk"


localrules:
    all,


rule all:
    input:
        "results/table1.csv",
    conda:
        "environment.yml"
