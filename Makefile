# `make help` lists everything. Nothing here needs more than Python 3.11 or later and make.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
REGULARS := $(PY) -m regulars
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test check code format bench lock clean backup restore status verify secrets

help: ## list what there is to make
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/installed ## start the whole house; PORT=8000, REGULARS_HOME=.regulars, ARGS=--no-demo
	@exec $(REGULARS) run $(ARGS)

test: $(VENV)/installed-dev ## all tests, a process and servers for each core; ARGS="tests/running -k restore" for some
	@exec $(PY) -m pytest $(or $(ARGS),--numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder)

check: code test ## what CI runs: format, lint, types, import rules, all tests

code: $(VENV)/installed-dev ## format, lint, types, import rules; no tests
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/installed-dev ## write the code as the house writes it
	$(PY) -m ruff check --fix-only -q .
	$(PY) -m ruff format .

bench: $(VENV)/installed-dev ## measure, beside floors of the same run; ARGS for the bench
	@exec $(PY) -m benchmarks $(ARGS)

lock: $(VENV)/installed-dev ## write requirements*.txt anew from requirements*.in, with hashes
	$(VENV)/bin/uv pip compile --universal --generate-hashes --no-emit-index-url --python-version 3.11 -q \
		--custom-compile-command "make lock" $(ARGS) -o requirements.txt requirements.in
	$(VENV)/bin/uv pip compile --universal --generate-hashes --no-emit-index-url --python-version 3.11 -q \
		--custom-compile-command "make lock" $(ARGS) -c requirements.txt -o requirements-dev.txt requirements-dev.in
	$(VENV)/bin/uv pip compile --universal --generate-hashes --no-emit-index-url --python-version 3.11 -q \
		--custom-compile-command "make lock" $(ARGS) -o tests/npm/requirements.txt tests/npm/requirements.in

backup: $(VENV)/installed ## save the database and, apart, its keys: make backup FILE=regulars.dump
	@test -n "$(FILE)" || { echo "make backup FILE=where.dump"; exit 2; }
	@exec $(REGULARS) backup "$(FILE)"

restore: $(VENV)/installed ## bring a backup back: make restore FILE=regulars.dump [ARGS=--replace]
	@test -n "$(FILE)" || { echo "make restore FILE=which.dump [ARGS=--replace]"; exit 2; }
	@exec $(REGULARS) restore "$(FILE)" $(ARGS)

status: $(VENV)/installed ## what runs, and is it ready
	@exec $(REGULARS) status

verify: $(VENV)/installed ## prove the whole ledger
	@exec $(REGULARS) ledger verify

secrets: $(VENV)/installed ## write .env with fresh passwords and keys for docker-compose.yml, once
	@test ! -e .env || { echo ".env is there already; its keys open your data, keep them."; exit 1; }
	@umask 077 && $(REGULARS) secrets > .env.new && mv .env.new .env && echo "Wrote .env; keep a copy in a safe place."

clean: ## forget caches and the virtual environment; data and keys in .regulars stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './node_modules/*' -prune -exec rm -rf {} +

# A stamp per set of requirements: `make run` installs only when they have changed.
$(VENV)/installed: requirements.txt | $(PY)
	$(PY) -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt | $(PY)
	$(PY) -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@ $(VENV)/installed

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Regulars needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try make PYTHON=python3.12 ..."; exit 1; }
	@echo "Making $(VENV) and installing into it; this takes about a minute, once."
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "No virtual environment could be made (Debian: apt-get install python3-venv)."; exit 1; }
