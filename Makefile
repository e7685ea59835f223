# `make dataset` and `make test` set up all they need in .venv/, and nothing outside this folder.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: dataset test test-all torture lint docs check bench clean
.DELETE_ON_ERROR:

dataset: .venv/ready  ## build and check the bundled dataset
	@$(BIN)/python build_dataset.py

test: .venv/ready .venv/datasets-3.6/ready .venv/cffconvert/ready  ## all tests but those of large corpora
	@$(BIN)/python -m pytest -n auto -q -m "not slow and not torture"

test-all: .venv/ready .venv/datasets-3.6/ready .venv/cffconvert/ready  ## all tests
	@$(BIN)/python -m pytest -n auto -q -m "not torture"

# Needs strace, and takes libfaketime where there is one; what cannot be tried is said.
torture: .venv/ready  ## try to break each promise: some minutes; FULL=1 for hours, with the figures of README
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! { command -v strace && command -v faketime; } >/dev/null; then \
	  (apt-get update -qq && apt-get install -y -qq strace faketime) >/dev/null 2>&1 || true; fi
	@$(BIN)/python -m pytest -q -rs -m torture tests/torture

lint: .venv/ready  ## style and types
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

docs: .venv/ready  ## fill the computed regions of README and docs
	@$(BIN)/python docs/fill.py

check: .venv/ready  ## is what is committed what the sources give?
	@$(BIN)/python build_dataset.py --check && $(BIN)/python docs/fill.py --check

bench: .venv/bench-ready  ## measure beside other tools, and check promises (about half an hour; Linux)
	@$(BIN)/python bench/run.py
	@$(BIN)/python bench/sketches.py
	@$(BIN)/python bench/duplicates.py

clean:  ## remove what the other targets made
	rm -rf bench/work .venv .hypothesis .pytest_cache .mypy_cache .ruff_cache build dist

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Parquetry needs Python 3.11 or newer: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@echo "setting up .venv (once; about a minute)"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,lint]'
	@touch $@

.venv/bench-ready: .venv/ready
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@touch $@

# Programs that must read what we write and cannot stand beside the others: the oldest `datasets`, and `cffconvert`.
.venv/%/ready: constraints-%.txt .venv/ready
	@$(PYTHON) -m venv --clear .venv/$*
	@.venv/$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@
