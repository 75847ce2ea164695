# So that `snakemake --snakefile` may name this folder's Snakefile; the workflow is all in workflow/Snakefile.
include: "workflow/Snakefile"


# The default target of an included file does not count.
workflow.default_target = "all"
