# Every command of the project; `make` lists them. Needs Python 3.11 or newer and nothing else.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# A name on PATH may be a stub that runs nothing, so each is tried.
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { command -v "$$name"; break; }; done)

BIN := .venv/bin
INSTALLED := .venv/.installed
UV_COMPILE := uv pip compile pyproject.toml --python-version 3.11 --universal --generate-hashes \
	--no-header --no-emit-index-url
N ?= 20

.PHONY: help install dev reset demo demo-cli test check format openapi coverage chaos fuzz sdk-tests round-trip bench \
	bench-lists replay record-history lock compose-check clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED) ## Make .venv with the locked dependencies

$(INSTALLED): requirements-dev.lock pyproject.toml README.md
	@test -n "$(PYTHON)" || { echo "Carillon needs Python 3.11 or newer and found none on PATH. \
	Install it, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@said=$$("$(PYTHON)" -c 'import sys; print(sys.version_info >= (3, 11))' 2>/dev/null); \
	test "$$said" = True || { echo "Carillon needs Python 3.11 or newer, which $(PYTHON) is not." >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual \
	environments. Install its venv package (Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@$(BIN)/python -c '' 2>/dev/null || { rm -rf .venv; "$(PYTHON)" -m venv .venv; }
	@echo "Installing locked dependencies into .venv …"
	@# The lock is complete, so nothing is resolved; Python compiles what is used when it is used.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		--no-deps --no-compile --requirement requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --editable .
	@touch $@

dev: $(INSTALLED) ## Run everything on this machine: PostgreSQL, Temporal, API, workers, mail
	@exec $(BIN)/carillon dev

reset: $(INSTALLED) ## Wipe the data of `make dev`
	@$(BIN)/carillon reset

demo: $(INSTALLED) ## Send a notification through the running product and show what came out
	@$(BIN)/carillon demo

demo-cli: $(INSTALLED) ## Change a message with Knock's official CLI (needs Node.js), pull to promotion
	@$(BIN)/carillon demo --cli

test: JOBS = logical
test: $(INSTALLED) ## Run every test, one process for each core (JOBS=N); starts its own servers on free ports
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder

check: $(INSTALLED) ## Format, lint, types, import contracts and house rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/house

format: $(INSTALLED) ## Format the code and .env.example
	$(BIN)/ruff check --fix --exit-zero --quiet .
	$(BIN)/ruff format .
	$(BIN)/python -m scripts.env_example

openapi: $(INSTALLED) ## Write the OpenAPI documents in docs/openapi/ from the code
	$(BIN)/python -m scripts.openapi

coverage: $(INSTALLED) ## Run every test and tell which lines and branches none of them runs
	@rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

chaos: $(INSTALLED) ## Kill processes of a whole stack N times and check every promise
	@$(BIN)/python -m tests.chaos --kills $(N)

fuzz: N = 100000
fuzz: $(INSTALLED) ## Send N requests made of the OpenAPI documents and judge each answer
	@$(BIN)/python -m tests.fuzz --requests $(N)

sdk-tests: $(INSTALLED) ## Let Knock's SDKs try the product by their own tests (what is missing is skipped)
	@$(BIN)/python -m tests.sdk

round-trip: FOLDER = tests/compat/knock
round-trip: $(INSTALLED) ## Take the content of FOLDER through Knock's CLI, there and back; needs Node.js
	@$(BIN)/python -m tests.compat.folder $(FOLDER)

bench: $(INSTALLED) ## Measure a fresh stack beside its floor
	@$(BIN)/python -m bench

bench-lists: SCALE = 1
bench-lists: $(INSTALLED) ## Read every list with every filter over a million messages
	@$(BIN)/python -m bench.lists --scale $(SCALE)

replay: $(INSTALLED) ## Replay recorded Temporal histories against today's code
	@$(BIN)/carillon replay tests/replay/histories

record-history: $(INSTALLED) ## Record those histories again, on servers of their own
	@$(BIN)/python -m scripts.record_histories

lock: ## Write both lock files again (needs uv)
	$(UV_COMPILE) --output-file requirements.lock
	$(UV_COMPILE) --extra embedded --extra dev --output-file requirements-dev.lock

compose-check: $(INSTALLED) ## Check docker-compose.yml
	$(BIN)/python -m pytest -q tests/house/test_compose.py
	@if docker compose version >/dev/null 2>&1; then POSTGRES_PASSWORD=x \
	TEMPORAL_POSTGRES_PASSWORD=x CARILLON_SECRET_KEY=x docker compose config --quiet; \
	else echo "docker compose is not installed; only the file was read"; fi

clean: ## Remove .venv and caches; data stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage .coverage.*
