# `make table1` and `make test` are all a newcomer needs; both make .venv first. PRESET=standard picks another preset.
PRESET ?= config
CORES ?= $(shell getconf _NPROCESSORS_ONLN)
PYTHON ?= python3
BIN = .venv/bin
TORCH = torch==2.13.0
# As `python -m`: where a path has quotes or dollar signs, the scripts that pip writes do not start. The shell quotes variables.
SNAKEMAKE = $(BIN)/python -m snakemake --configfile "config/$$PRESET.yaml" --cores "$$CORES"
export PRESET CORES PYTHON

.PHONY: table1 figures report all status test test-workflow test-others bench lint requirements docs clean

table1: .venv/installed
	$(SNAKEMAKE) results/table1.csv

figures: .venv/installed
	$(SNAKEMAKE) figures

report: .venv/installed
	$(SNAKEMAKE) results/report.html

all: .venv/installed
	$(SNAKEMAKE)

status: .venv/installed
	$(BIN)/python -m workflow.status --config "config/$$PRESET.yaml"

# Both halves at once, with one thread each, keep two cores busy: most of the time each of them works on one.
test: .venv/installed
	$(MAKE) --no-print-directory --jobs 2 test-workflow test-others

test-workflow test-others: export OMP_NUM_THREADS = 1

test-workflow: .venv/installed
	$(BIN)/python -m pytest -m "not slow" tests/workflow

test-others: .venv/installed
	$(BIN)/python -m pytest -m "not slow" tests --ignore tests/workflow

bench: .venv/installed
	$(BIN)/python -m pytest -q tests/bench --benchmark-only --benchmark-json=results/benchmarks.json

lint: .venv/installed
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m snakefmt --check Snakefile workflow/Snakefile workflow/rules
	$(BIN)/python -m snakemake --lint

# torch comes first and without a hash: an index may have a build for CPUs or one for GPUs.
.venv/installed: requirements.txt pyproject.toml
	"$$PYTHON" -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# Pins what pyproject.toml names, with hashes. Needs uv.
requirements:
	uv pip compile pyproject.toml --universal --all-extras --python-version 3.11 --generate-hashes --quiet --output-file requirements.txt

# Into build/site.
docs: .venv/installed
	$(BIN)/python -m mkdocs build --strict

clean:
	rm -rf .venv results/data results/runs results/state results/locks results/logs results/presets results/figures
	rm -f results/*.csv results/.*.sha256 results/*.md results/*.tex results/report.html
