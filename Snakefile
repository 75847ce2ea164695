# This file allows `snakemake --snakefile` to name this folder; the whole workflow is in workflow/Snakefile.
include: "workflow/Snakefile"


# Snakemake ignores the default target of an included file.
workflow.default_target = "all"
