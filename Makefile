# Thin aliases over real commands. `make demo` and `make test` need Python, a C++20 compiler and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BUILT_FROM := pyproject.toml setup.py $(shell find csrc -name '*.h' -o -name '*.cc')
NATIVE := build/native
ORT = $(shell $(BIN)/python -c "from rerank_core._onnxruntime import find_library as f; print(f())")
NATIVE_ENV = RERANK_CORE_ORT_LIBRARY=$(ORT) RERANK_CORE_TEST_MODEL=rerank_core/models/bundled/model.onnx

.PHONY: demo test lint types native python long dist asan tsan bench report format clean

demo: $(VENV)/.demo
	$(BIN)/rerank-core rank "Why is the sky blue?" examples/passages.jsonl --top-n 5 --table

test: lint types native python

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python $(BUILT_FROM)
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[cpu]"
	touch $@

$(VENV)/.test: $(VENV)/bin/python $(BUILT_FROM)
	RERANK_CORE_WERROR=1 $(BIN)/pip install --quiet --disable-pip-version-check -e ".[cpu,test]"
	touch $@ $(VENV)/.demo

$(VENV)/.bench: $(VENV)/.test
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[cpu,test,bench]"
	touch $@

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(shell find csrc -name '*.h' -o -name '*.cc')

types: $(VENV)/.test
	$(BIN)/mypy

python: $(VENV)/.test
	$(BIN)/pytest

format: $(VENV)/.test
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(shell find csrc -name '*.h' -o -name '*.cc')

long: $(VENV)/.test  ## ten times the examples, and the tests marked long
	RERANK_CORE_TEST_MULTIPLIER=10 RERANK_CORE_TEST_SEED=$$(date +%s) $(BIN)/pytest -m "long or not long"

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks.throughput
	$(BIN)/python -m benchmarks.plan
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.memory
	$(BIN)/pytest benchmarks --benchmark-only
	$(MAKE) report

report: $(VENV)/.test
	$(BIN)/python -m benchmarks.report

clean:
	rm -rf build dist $(VENV) *.egg-info rerank_core/_core.*.so
