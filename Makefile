# What a contributor needs; `make` lists it. CONTRIBUTING.md says more.
#
#   make test PYTHON=python3.12        the Python of a new environment
#   make test ARGS='-k scan'           options for pytest; for the runner, with bench

PYTHON ?= python3
VENV ?= .venv
CARGO_HOME ?= $(HOME)/.cargo

BIN := $(abspath $(VENV))/bin

# maturin installs into VIRTUAL_ENV, and finds zig through the first python3 on PATH.
export VIRTUAL_ENV := $(abspath $(VENV))
export PATH := $(BIN):$(PATH)
unexport PYTHONHOME PYTHONPATH
# Tests start vpo thousands of times, and without this each start compiles it again.
unexport PYTHONDONTWRITEBYTECODE

# Messages of a panic name source files: relative to the crates and to this
# directory, so that a wheel does not depend on where it was built.
WHEEL_RUSTFLAGS = $(RUSTFLAGS) \
	--remap-path-prefix=$(CARGO_HOME)/registry/src/= --remap-path-prefix=$(CURDIR)/=

.PHONY: help install test lint docs wheel sdist fuzz bench clean build-wheel

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(VENV)/.group-build $(VENV)/.group-test ## Make .venv: a release build of vpo, and what tests need
	$(BIN)/maturin develop --release --locked

test: install ## Build, and run all tests: Rust's and Python's
	cargo test --workspace --locked
	$(BIN)/python -m pytest --numprocesses=auto --dist=worksteal --durations=20 $(ARGS)

lint: install $(VENV)/.group-lint ## Check formatting, lints, types, and that the stub tells the truth
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest vpo._engine --mypy-config-file pyproject.toml
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

docs: $(VENV)/.group-docs ## Build the documentation into site/
	$(BIN)/mkdocs build --strict

wheel: build-wheel ## Build the wheel for Linux into dist/, audit it, try it with each Python here
	$(BIN)/python scripts/check_wheel.py dist/vpo-*.whl

build-wheel: $(VENV)/.group-wheel
	rm -f dist/vpo-*.whl
	RUSTFLAGS='$(strip $(WHEEL_RUSTFLAGS))' $(BIN)/maturin build --release --locked \
		--zig --compatibility manylinux2014 --out dist

sdist: $(VENV)/.group-wheel ## Build the source distribution into dist/, and try a wheel built from it
	rm -rf dist/vpo-*.tar.gz target/from-sdist
	$(BIN)/maturin sdist --out dist
	CARGO_TARGET_DIR=$(CURDIR)/target/from-sdist/target $(BIN)/python -m pip wheel --no-cache-dir \
		--no-deps --wheel-dir target/from-sdist dist/vpo-*.tar.gz
	$(BIN)/python scripts/check_wheel.py --brief target/from-sdist/vpo-*.whl

fuzz: ## Fuzz each parser for a few seconds; ARGS='--seconds 600 matroska' for one of them
	$(PYTHON) scripts/fuzz.py $(ARGS)

bench: build-wheel ## Measure the wheel beside other programs; see benches/README.md
	$(BIN)/python benches/run.py --wheel dist/vpo-*.whl $(ARGS)

clean: ## Remove whatever these commands made
	rm -rf $(VENV) target dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -f python/vpo/_engine*.so
	find python tests benches scripts -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo 'Python 3.10 or newer is needed: make PYTHON=...' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Installs a dependency group of pyproject.toml, again whenever that changes.
# pip knows groups since 25.1.
$(VENV)/.group-%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --group $*
	@touch $@
