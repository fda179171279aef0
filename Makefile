# Everything sets itself up: a virtual environment from the lock file, then the dbt project.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
export DO_NOT_TRACK = 1
export DAGSTER_DISABLE_TELEMETRY = 1
export GX_ANALYTICS_ENABLED = false
STAMP := $(VENV)/.installed

# Two workers end together only when the long files are not left to the end.
SLOWEST_FIRST := tests/spark tests/pipeline tests/pages tests/portal tests/definitions tests/conventions tests/unit

.PHONY: setup demo serve test test-postgresql test-thorough test-fast lint check-definitions spark-test bench lock clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --no-compile --require-hashes --no-deps -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	$(BIN)/retention prepare
	touch $@

demo: setup
	$(BIN)/retention demo

serve: setup
	$(BIN)/retention serve

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-definitions: setup
	$(BIN)/retention prepare
	$(BIN)/dg check defs

test: setup
	$(MAKE) -j 2 lint check-definitions
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 15 -m "not thorough" $(SLOWEST_FIRST)
	PYTEST="$(abspath $(BIN)/pytest)" .ci/postgresql

test-postgresql: setup
	PYTEST="$(abspath $(BIN)/pytest)" .ci/postgresql --required

test-thorough: setup
	$(BIN)/pytest -n 2 --dist loadfile --durations 15 -m thorough tests

test-fast: setup
	$(BIN)/pytest tests/unit tests/conventions

spark-test: setup
	$(BIN)/pytest tests/spark

bench: setup
	$(BIN)/python -m bench

lock: setup
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra dev --generate-hashes \
		--no-emit-index-url --no-header --no-annotate --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) dbt/target
