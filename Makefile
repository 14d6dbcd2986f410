# `make demo` and `make test` work on a fresh machine: Python 3.11 or newer, a C++ compiler, nothing else.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= $(shell for python in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# Kills of `make crash`.
N ?= 1000

# Processes of `make test`; the tests of one file stay in one, which makes ready once what they share. Files come in
# their order: by how many tests they have, the few that compile all kernels anew would come last, one by one.
PROCESSES ?= 2

# The generated code of proto/ runs with every protobuf from the release that this compiler belongs to onwards,
# so an old one is kept on purpose. It is installed beside the environment, whose packages it would hold back.
PROTOC_RELEASE := 1.66.2

.PHONY: help demo test lint format typecheck kernels proto crash fuzz fuzz-server workers bench bench-kernels clean

help:
	@echo "make demo        install into .venv, then search real data with it"
	@echo "make test        install into .venv, then ruff, mypy and pytest, as .ci/run does"
	@echo "make lint        ruff check and ruff format --check"
	@echo "make format      ruff format and the fixes ruff is sure of"
	@echo "make typecheck   mypy --strict"
	@echo "make proto       compile proto/v1/*.proto anew"
	@echo "make crash       kills (N=1000), failing system calls, closes under threads, flipped bits: the long forms"
	@echo "make fuzz        property tests with many more examples"
	@echo "make fuzz-server malformed requests and queries of two tenants to a server, in their long form"
	@echo "make workers     a server with workers: kills, replacements, the suites of one process, in their long form"
	@echo "make bench       recall and speed on the shipped sample, beside the peers"
	@echo "make bench-kernels   time the kernels alone, with pytest-benchmark"
	@echo "make clean       remove .venv, builds and caches"

demo: $(VENV)/installed
	@$(BIN)/vicinal demo

test: $(VENV)/installed-test
	@$(MAKE) --no-print-directory -j2 lint typecheck kernels build/protoc
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

typecheck: $(VENV)/installed-test build/typing
	$(BIN)/mypy

# Ahead of the tests, whose processes would each compile them; what calls cost is not measured beside other work.
kernels: $(VENV)/installed-test
	VICINAL_COSTS=usual $(BIN)/vicinal warmup

proto: build/typing build/protoc
	PYTHONPATH=build/protoc $(BIN)/python -m grpc_tools.protoc -Ibuild/typing \
		--python_out=build/typing --pyi_out=build/typing build/typing/vicinal/proto/v1/*.proto

build/protoc: | $(BIN)/python
	@$(PIP) install --quiet --no-deps --target $@ grpcio-tools==$(PROTOC_RELEASE)

crash: $(VENV)/installed-test
	VICINAL_CLOSES=10000 VICINAL_FLIPS=10000 VICINAL_CRASH_CYCLES=$(N) VICINAL_FAILING_CALLS=long \
		VICINAL_POWER_CUTS=10000 VICINAL_INTERRUPTS=10000 $(BIN)/python -m pytest tests/crash

fuzz: $(VENV)/installed-test
	VICINAL_FILTERS=20000 VICINAL_QDRANT_FILTERS=3000 $(BIN)/python -m pytest --hypothesis-profile=fuzz \
		--ignore=tests/crash

fuzz-server: $(VENV)/installed-test
	VICINAL_MALFORMED=20000 VICINAL_TENANT_QUERIES=50000 $(BIN)/python -m pytest \
		tests/server/test_malformed_requests.py tests/server/test_tenant_isolation.py

bench: $(VENV)/installed-bench
	$(BIN)/vicinal bench run --dataset sample --k 10 --peers hnswlib,faiss,usearch,rabitqlib --out build/bench

bench-kernels: $(VENV)/installed-test
	$(BIN)/python -m pytest bench/kernels --benchmark-only

workers: $(VENV)/installed-test
	VICINAL_READ_YOUR_WRITES=60 $(BIN)/python -m pytest tests/server/service/workers
	VICINAL_CRASH_CYCLES=200 $(BIN)/python -m pytest tests/crash/test_kill_workers.py
	for workers in 1 3; do VICINAL_WORKERS=$$workers $(BIN)/python -m pytest tests/server/test_authorisation_matrix.py \
		tests/server/test_tenant_isolation.py tests/server/client/test_database_conformance_workers.py || exit; done

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer was found; say which: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

# $(1): extras with their brackets.
define install
	@echo "Installing vicinal$(1) into $(VENV)"
	@$(PIP) install --quiet --editable '.$(1)' \
		|| { echo "Installing failed. One dependency, hnswlib, is compiled: is there a C++ compiler (c++ --version)?"; exit 1; }
	@touch $@
endef

$(VENV)/installed: pyproject.toml | $(BIN)/python
	$(call install)

$(VENV)/installed-test: pyproject.toml | $(BIN)/python
	$(call install,[test])
	@touch $(VENV)/installed

$(VENV)/installed-bench: pyproject.toml | $(BIN)/python
	$(call install,[bench])
	@touch $(VENV)/installed

# Folder x/ is the package vicinal.x only by the mapping in pyproject.toml, which type checkers do not read:
# they are shown a folder of links instead.
.PHONY: build/typing
build/typing:
	@if [ -L build/typing/vicinal ]; then rm build/typing/vicinal; fi
	@mkdir -p build/typing/vicinal
	@for folder in engine indexes storage server proto bench; do \
		ln -sfn ../../../$$folder build/typing/vicinal/$$folder; done
	@for file in __init__.py __main__.py py.typed testing; do \
		ln -sfn ../../../vicinal/$$file build/typing/vicinal/$$file; done
	@ln -sfn ../../docs/examples build/typing/examples
