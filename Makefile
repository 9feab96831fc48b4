# Needs only Python 3.11-3.13 and make. `make help` lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: help setup demo dev test lint bench clean

help:   ## list the targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## make .venv from the pinned versions

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3,11) <= sys.version_info < (3,14))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed; say which with: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

demo: $(STAMP)  ## sample filings through the whole pipeline, then the UI (UI=0: stop after the batch part)
	@$(BIN)/llm-pipeline demo $(if $(filter 0,$(UI)),--no-ui,)

dev: $(STAMP)   ## embedded services and the Dagster UI on your own data
	@$(BIN)/llm-pipeline up

# New examples for the tests of properties: make test ARGS=--hypothesis-profile=searching
test: $(STAMP)  ## the tests, on a real PostgreSQL and real HTTP
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

lint: $(STAMP)  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP) ## the benchmarks, as ratios to floors measured in the same run
	$(BIN)/python -m benchmarks

clean:          ## stop what is running and remove all local state
	@if [ -x $(BIN)/llm-pipeline ]; then $(BIN)/llm-pipeline down --quiet; fi
	rm -rf .llm_pipeline
