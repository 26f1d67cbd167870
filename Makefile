# Every verb of the project. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
STAMP := $(VENV)/.installed
TWO := -n 2 --durations 40
# Which tests; `make test WHICH=` runs all.
WHICH := not faults and not long
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
# Where it is set (container images do), each of the hundreds of processes would compile all that it imports: 10 s, not 4.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo test test-long test-all lint format faults faults-short bench bench-serving lock docs reference screenshots release-check up clean

help: ## list every verb
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## create .venv with the pinned packages (the other verbs do this by themselves)
	@:

# uv installs in seconds; where it cannot reach the package index that pip is configured for, pip does the same.
$(STAMP): requirements/dev.txt requirements/install.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in [(3, 11), (3, 12), (3, 13)])' || \
	  { echo "Pulse needs Python 3.11, 3.12 or 3.13; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Installing Pulse into $(VENV) (once; about a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/install.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -q --require-hashes -r requirements/dev.txt || \
	  $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: install ## the whole story on real flights, from a YAML file to a traced prediction (ARGS=--keep leaves it running)
	@$(BIN)/pulse demo $(ARGS)

test: install ## all tests, on real servers
	@$(BIN)/python -m pytest $(TWO) -m '$(WHICH)' $(ARGS)

test-long: install ## whole loops on real servers: minutes each
	@$(BIN)/python -m pytest $(TWO) -m 'long and not faults' $(ARGS)

test-all: install ## both, and a seeded tenth of the fault tests: what CI runs, in one go, so that each server starts once
	@PULSE_FAULTS=short $(MAKE) --no-print-directory test WHICH=

lint: install ## formatting, lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: install ## format and repair what can be repaired
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

faults: install ## every fault test in full; prints the tables of docs/reliability.md
	@PULSE_FAULTS=full $(BIN)/python -m pytest -m faults -s $(ARGS)

faults-short: install ## a seeded tenth of the fault tests
	@PULSE_FAULTS=short $(BIN)/python -m pytest $(TWO) -m faults $(ARGS)

bench: install ## figures against named peers, from one run on this machine
	@$(BIN)/python -m tests.bench $(ARGS)

bench-serving: install ## the runtime beside FastAPI, BentoML, LitServe and MLflow (BENCH_SECONDS=2 BENCH_RUNS=1 for a look)
	@$(BIN)/python -m tests.bench serving

lock: install ## renew the pinned versions and hashes in requirements/
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade \
	  --all-extras --group dev pyproject.toml -o requirements/dev.txt
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade \
	  --extra postgres --extra distributed pyproject.toml -o requirements/runtime.txt
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade \
	  requirements/install.in -o requirements/install.txt
	@for name in requirements/peers/*.in; do \
	  $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade \
	  $$name -o $${name%.in}.txt; done

docs: install ## the site of docs/ in .pulse/site, without network
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build -q --strict

reference: install ## renew docs/reference/, which is made of the code
	@$(BIN)/python -m docs.generating

screenshots: install ## the pictures in docs/, taken from a real browser
	@$(BIN)/python docs/screenshots.py

release-check: install ## would this be a good release? Builds, looks through, installs into an empty environment, runs the demo
	@$(BIN)/python -m tests.release

up: install ## Prefect UI, MLflow UI, a worker and the runtime together, until ctrl-C
	@$(BIN)/pulse up

clean: ## remove the virtual environment and everything below .pulse
	@rm -rf $(VENV) .pulse
