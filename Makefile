.DEFAULT_GOAL := help
.PHONY: help env install uninstall demo test coverage lint format bench docs fuzz soak lock clean bootstrap-run bootstrap-dev packages
.NOTPARALLEL:

PYTHON ?= python3
BIN := .venv/bin
# For instance PYTEST_ARGS="tests/registry -k digest --no-cov"
PYTEST_ARGS ?=
SECONDS ?= 60

help: ## show this list
	@sed -n 's/^\([a-z-]*\)[a-z ]*:.*## /\1	/p' Makefile | while IFS='	' read -r name text; do \
		printf '  make %-9s %s\n' "$$name" "$$text"; done

env: bootstrap-dev ## make .venv with everything for development

bootstrap-run bootstrap-dev: bootstrap-%:
	@command -v $(PYTHON) >/dev/null || \
		{ echo "[env] $(PYTHON) is missing: apt install python3"; exit 1; }
	@$(PYTHON) scripts/bootstrap.py $*

install uninstall: ## make opsteps a command of yours, in ~/.local/bin; or remove it again
	@command -v $(PYTHON) >/dev/null || \
		{ echo "[env] $(PYTHON) is missing: apt install python3"; exit 1; }
	@$(PYTHON) scripts/bootstrap.py $@

packages: bootstrap-dev
	@$(BIN)/python scripts/system_packages.py

demo: bootstrap-run ## a registry, a server and a catalogue with examples in them; PORT=3411 moves it
	@$(BIN)/opsteps demo $(if $(filter command,$(origin PORT)),--port "$(PORT)")

test: packages lint ## everything that decides whether a change is good
	@echo "[test] pytest"
	@$(BIN)/pytest --numprocesses=2 --dist=loadgroup $(PYTEST_ARGS)

coverage: packages ## the tests, and how much of the code they run; slower than make test
	@$(BIN)/pytest --numprocesses=2 --dist=loadgroup --cov --cov-report=term $(PYTEST_ARGS)

lint: bootstrap-dev ## style, formatting, types, the arrows between the rooms, and wording
	@echo "[lint] ruff check"
	@$(BIN)/ruff check --quiet
	@echo "[lint] ruff format"
	@$(BIN)/ruff format --quiet --check
	@echo "[lint] mypy"
	@$(BIN)/mypy --no-error-summary
	@echo "[lint] import-linter"
	@$(BIN)/lint-imports
	@echo "[lint] wording"
	@$(BIN)/python scripts/wording.py

format: bootstrap-dev ## rewrite the code in the project's style
	@$(BIN)/ruff check --quiet --fix-only
	@$(BIN)/ruff format

bench: packages ## measure what docs/performance.md promises
	@$(BIN)/python -m benchmarks

costs: bootstrap-dev ## measure what one request of each kind can cost, for docs/security.md
	@$(BIN)/python -m benchmarks.costs --write-docs

fuzz: bootstrap-dev ## look for bytes that break the readers; SECONDS=60 for each
	@for target in archive upload manifest form texts; do \
		$(BIN)/python -m tests.registry.fuzz $$target -max_total_time=$(SECONDS) -max_len=4096 \
			-artifact_prefix=fuzz-$$target- || exit 1; \
	done

soak: packages ## 2,000 installs on one server, and 50 registries with all operations in random order
	@OPSTEPS_TEST_INSTALLS=2000 OPSTEPS_TEST_LIVES=50 $(BIN)/pytest --no-cov \
		tests/server/test_soak.py tests/e2e/test_no_false_alarm.py

docs: bootstrap-dev ## write the generated pages of docs/
	@$(BIN)/python scripts/write_docs.py

lock: bootstrap-dev ## compile requirements/*.txt; LOCK_ARGS=--upgrade takes newer versions
	@scripts/lock.sh $(LOCK_ARGS)

clean: ## remove the environment, the demo and all caches
	@rm -rf .venv .demo .coverage .coverage.* build dist htmlcov .hypothesis .import_linter_cache \
		.mypy_cache .pytest_cache .ruff_cache tests/registry/zip_tools/node_modules \
		benchmarks/lighthouse_tools/node_modules
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
