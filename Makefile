# `make help` explains itself: a target's text is the comment behind its `##`.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
STAMPS := $(VENV)/.stamps
BUS ?= embedded
# Tests wait for processes more than they compute: one more than there are cores, and no more than memory is for.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))')

PROTO_FILES := $(wildcard protos/muster_protos/v1/*.proto)
CONSOLE := server/src/muster_server/console
CONSOLE_SOURCES := $(shell find frontend/src frontend/public frontend/index.html frontend/vite.config.ts -type f 2>/dev/null)

.PHONY: help
help: ## Show this help
	@echo "Muster: a control plane for fleets of AI agents"; echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---- installing ---------------------------------------------------------------------------------------------------

$(UV):
	@command -v $(PYTHON) >/dev/null || { echo "make: Python 3.11 or newer is needed, as $(PYTHON). Install it, or say make PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $(PYTHON) is older than 3.11. Say make PYTHON=python3.11 or newer."; exit 1; }
	@echo "Installing what Muster needs, once: about a minute."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$$(sed -n 's/^ *"uv==\(.*\)",$$/\1/p' pyproject.toml)"

$(STAMPS)/python-run: $(UV) uv.lock pyproject.toml $(wildcard */pyproject.toml)
	@test -e $(STAMPS)/python-dev || $(UV) sync --quiet --frozen --inexact --no-dev --no-python-downloads
	@test ! -e $(STAMPS)/python-dev || $(UV) sync --quiet --frozen --inexact --no-python-downloads
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/python-dev: $(UV) uv.lock pyproject.toml $(wildcard */pyproject.toml)
	@$(UV) sync --quiet --frozen --inexact --no-python-downloads
	@mkdir -p $(STAMPS) && touch $@ $(STAMPS)/python-run

$(STAMPS)/node: frontend/package-lock.json
	@command -v npm >/dev/null || { echo "make: Node.js 20 or newer with npm is needed for the web console. See https://nodejs.org"; exit 1; }
	@node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' || { echo "make: Node.js is older than 20: $$(node --version)"; exit 1; }
	@cd frontend && npm ci --ignore-scripts --no-audit --no-fund --silent
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/console: $(STAMPS)/node $(CONSOLE_SOURCES)
	@cd frontend && npm run --silent build -- --logLevel warn
	@mkdir -p $(STAMPS) && touch $@

.PHONY: setup
setup: $(STAMPS)/python-dev $(STAMPS)/node ## Install everything into .venv and frontend/node_modules

.PHONY: console
console: $(STAMPS)/console ## Build the web console into the server's package

# ---- running ------------------------------------------------------------------------------------------------------

.PHONY: run
run: $(STAMPS)/python-run $(STAMPS)/console ## Start everything and print the link to the console (BUS=rabbitmq: on a private RabbitMQ)
	@exec $(BIN)/muster up --bus $(BUS)

# ---- generated code -----------------------------------------------------------------------------------------------

.PHONY: protos
protos: $(STAMPS)/python-dev ## Regenerate the Python beside the .proto files
	@$(BIN)/python -m grpc_tools.protoc -I protos --python_out=protos --pyi_out=protos --grpc_python_out=protos $(PROTO_FILES)

.PHONY: types
types: setup ## Regenerate the TypeScript types from the Pydantic models
	@cd frontend && npm run --silent types

# ---- checks -------------------------------------------------------------------------------------------------------

.PHONY: format
format: setup ## Format Python and TypeScript
	@$(BIN)/ruff check --quiet --fix . || true
	@$(BIN)/ruff format --quiet .
	@cd frontend && npm run --silent format

.PHONY: lint
lint: setup ## Formatting, lint, types, import directions, sizes, purity
	@$(BIN)/ruff format --check --quiet . || { echo "make: run 'make format'"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -q tests/house
	@cd frontend && npm run --silent lint

.PHONY: test
test: lint console ## Everything: lint, web console tests, then pytest with real RabbitMQ, PostgreSQL and Chromium
	@cd frontend && npm run --silent test
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not long"

.PHONY: test-long
test-long: setup console ## What `test` leaves out because it waits for long: floods, shortages, bad lines, stalled peers
	@$(BIN)/pytest -m long

.PHONY: chaos
chaos: $(STAMPS)/python-dev ## Kill, cut, poison and double for a while: nothing may be lost (ARGS="--only R2 --seed 7")
	@$(BIN)/python -m tests.chaos.run $(ARGS)

.PHONY: bench
bench: $(STAMPS)/python-dev ## Measure round trips, then beside Celery and AutoGen in environments of their own (ARGS=--quick)
	@$(BIN)/python -m benchmarks.round_trip $(ARGS)
	@$(BIN)/python -m benchmarks.peers $(ARGS)

.PHONY: clean
clean: ## Remove what was built (not .muster, your data)
	@rm -rf $(VENV) frontend/node_modules $(CONSOLE)
