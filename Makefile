# The same targets that CI runs; each sets up what it needs in .venv and nothing elsewhere.
.PHONY: help setup run down test lint fix road compat bench docs migration lock clean
.DEFAULT_GOAL := help

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# Companies put their own certificate authority into the system: trust what the system trusts.
export UV_SYSTEM_CERTS ?= 1

help: ## Show the targets
	@while IFS= read -r line; do case "$$line" in [a-z]*:*"## "*) printf '  make %-10s %s\n' "$${line%%:*}" "$${line##*## }";; esac; done < Makefile

$(BIN)/uv:
	@command -v $(PYTHON) >/dev/null || { echo "Towpath needs Python 3.11 or newer as '$(PYTHON)'; set PYTHON=… to name another"; exit 1; }
	@command -v git >/dev/null || { echo "Towpath needs git on the PATH"; exit 1; }
	@echo "Making $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9

$(VENV)/.run: $(BIN)/uv requirements.lock pyproject.toml hatch_build.py web/package-lock.json $(wildcard web/src/* web/src/*/* web/*.js)
	@echo "Installing Towpath and its engines, and building the portal's assets (about a minute the first time) …"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -c "from towpath import capabilities, serving; capabilities.plugs()"
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(VENV)/.dev ## Set up everything for development

run: $(VENV)/.run ## Set up, start with the demo organisation, serve http://127.0.0.1:7007
	@$(BIN)/towpath up

down: ## Stop the portal and the services of ./.towpath
	@$(BIN)/towpath down --services

test: $(VENV)/.dev ## Set up and run all tests
	@bench/browser.sh
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev ## Style, types, floors and rooms, templates
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy
	@$(BIN)/djlint --quiet --lint src/towpath
	@$(BIN)/python -m pytest -q -p no:xdist tests/test_architecture.py

fix: $(VENV)/.dev ## Format and mend what can be mended
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

road: $(VENV)/.run ## The main job, headless, on a fresh data folder and free ports
	@$(BIN)/python -m bench.road

compat: $(VENV)/.run ## Files that other people wrote
	@$(BIN)/python -m tests.compat

bench: $(VENV)/.dev ## All measurements, one JSON line each
	@for file in bench/bench_*.py; do $(BIN)/python -m "bench.$$(basename "$$file" .py)" || exit 1; done

bench-%: $(VENV)/.dev ## One measurement: make bench-NAME
	@$(BIN)/python -m bench.bench_$*

docs: $(VENV)/.dev ## Write the reference pages from the code
	@$(BIN)/python -m tools.docs

migration: $(VENV)/.dev ## Write a migration of what changed: make migration TREE=organisation WORDS="add a column"
	@$(BIN)/python -m tools.migration $(TREE) "$(WORDS)"

new-%: $(VENV)/.dev ## An action, driver or capability with its test: make new-action NAME=file:touch
	@$(BIN)/python -m tools.scaffold $* "$(NAME)"
	@$(BIN)/python -m tools.docs

lock: pyproject.toml ## Resolve the dependencies again
	@$(BIN)/uv pip compile --quiet --generate-hashes --no-header --no-annotate --python-version 3.11 -o requirements.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --generate-hashes --no-header --no-annotate --python-version 3.11 --group dev -o requirements-dev.lock pyproject.toml

clean: ## Remove what set-up made, not your data
	@rm -rf $(VENV) web/node_modules src/towpath/ui/static
