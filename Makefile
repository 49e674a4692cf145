# Thin aliases over real commands. `make demo` and `make test` need Python, a C++20 compiler and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BUILT_FROM := pyproject.toml setup.py $(shell find csrc -name '*.h' -o -name '*.cc')
ORT = $(shell $(BIN)/python -c "from rerank_core._onnxruntime import find_library as f; print(f())")
NATIVE_ENV = RERANK_CORE_ORT_LIBRARY=$(ORT) \
	RERANK_CORE_TEST_MODEL=$(abspath rerank_core/models/bundled/model.onnx)

.PHONY: demo gpu test lint types native python export-test clients-test ray-test tsan asan fuzz tidy long peers bench bench-compare bench-engine bench-jobs bench-prepare bench-quality bench-quick model report format clean

demo: $(VENV)/.demo
	$(BIN)/rerank-core rank "Why is the sky blue?" examples/passages.jsonl --top-n 5 --table

test: lint types native python export-test clients-test

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

EXPORT := build/export-env

# PyTorch first, so that whatever build of it is at hand serves; it is too large for the other tests.
$(EXPORT)/.done: pyproject.toml setup.py | $(VENV)/.test
	$(PYTHON) -m venv $(EXPORT)
	$(EXPORT)/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(EXPORT)/bin/pip install --quiet --disable-pip-version-check -e ".[cpu,export]" hypothesis pytest
	touch $@

export-test: $(VENV)/.test $(EXPORT)/.done
	$(EXPORT)/bin/pytest tests/export

RAY := build/ray-env

$(RAY)/.done: pyproject.toml setup.py | $(VENV)/.test
	$(PYTHON) -m venv $(RAY)
	$(RAY)/bin/pip install --quiet --disable-pip-version-check -e ".[cpu,prepare,ray]" hypothesis pandas pyspark pytest
	touch $@

ray-test: $(VENV)/.test $(RAY)/.done
	$(RAY)/bin/pytest tests/ray

CLIENTS := pinecone8 frameworks current

# Real clients, unmodified, against a server of the other environment; they collide, so each set has its own.
build/clients-%/.done: tests/clients/%.txt
	$(PYTHON) -m venv build/clients-$*
	build/clients-$*/bin/pip install --quiet --disable-pip-version-check --no-compile -r $<
	touch $@

clients-test: $(VENV)/.test $(CLIENTS:%=build/clients-%/.done)
	for set in $(CLIENTS); do \
	    RERANK_CORE_SERVER_PYTHON=$(abspath $(BIN)/python) build/clients-$$set/bin/python -m pytest -q -p no:warnings \
	        -W default --confcutdir tests/clients tests/clients || exit 1; \
	done

comma := ,
# $(call native,NAME,SANITIZERS): builds csrc without Python and runs its tests.
native = $(BIN)/cmake -S csrc -B build/$(1) -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN))/ninja \
	    -DRERANK_CORE_SANITIZE=$(2) > /dev/null \
	&& $(BIN)/cmake --build build/$(1) \
	&& $(NATIVE_ENV) $(BIN)/ctest --test-dir build/$(1) --output-on-failure

native: $(VENV)/.test
	$(call native,native,)

tsan: $(VENV)/.test
	$(call native,tsan,thread)

# Python leaks at exit, pytrec_eval frees what it made by new[], and pytest would swallow the report.
ASAN_PYTHON := detect_leaks=0:alloc_dealloc_mismatch=0:log_path=report

# The native tests, then the tests that cross the border, in a copy of the tree built with ASan.
asan: $(VENV)/.test
	$(call native,asan,address$(comma)undefined)
	rm -rf build/asan-tree && mkdir -p build/asan-tree
	cp -r csrc rerank_core tests benchmarks training tools examples setup.py pyproject.toml *.md LICENSE build/asan-tree
	rm -f build/asan-tree/rerank_core/_core.*.so
	cd build/asan-tree && RERANK_CORE_SANITIZE=address,undefined $(abspath $(BIN))/python setup.py -q build_ext --inplace
	cd build/asan-tree && ASAN_OPTIONS=$(ASAN_PYTHON) LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) \
	    $$($(CXX) -print-file-name=libstdc++.so.6)" $(abspath $(BIN))/pytest -q tests/unit tests/parity tests/laws tests/safety \
	    || (cat report.*; exit 1)

FUZZ_SECONDS := 1800
# Coverage-guided, one core; what is found lies in build/fuzz, and so does the corpus for the next time.
fuzz: $(VENV)/.test
	$(BIN)/cmake -S csrc -B build/fuzz -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN))/ninja \
	    -DCMAKE_CXX_COMPILER=clang++ -DRERANK_CORE_FUZZ=ON > /dev/null
	$(BIN)/cmake --build build/fuzz
	$(BIN)/python -m csrc.fuzz.seeds build/fuzz
	for target in encode load; do \
	    build/fuzz/fuzz_$$target -max_total_time=$(FUZZ_SECONDS) -max_len=1024 -timeout=10 \
	        -rss_limit_mb=4096 -print_final_stats=1 -artifact_prefix=build/fuzz/$$target- \
	        build/fuzz/$$target || exit 1; \
	done

tidy: native
	$(BIN)/clang-tidy -p build/native --quiet $(wildcard csrc/core/*.cc csrc/core/text/*.cc csrc/ort/*.cc csrc/engine/*.cc csrc/tests/*.cc)

format: $(VENV)/.test
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(shell find csrc -name '*.h' -o -name '*.cc')

long: $(VENV)/.test  ## ten times the examples, and the tests marked long
	RERANK_CORE_TEST_MULTIPLIER=10 RERANK_CORE_TEST_SEED=$$(date +%s) $(BIN)/pytest -m "long or not long"

PEERS := build/peers
PEER_ENVIRONMENTS := $(patsubst benchmarks/baselines/requirements/%.txt,$(PEERS)/%/.done,$(wildcard benchmarks/baselines/requirements/*.txt))

# What cannot be installed is told, and its contenders are missing from the report, with the reason.
$(PEERS)/%/.done: benchmarks/baselines/requirements/%.txt
	mkdir -p $(PEERS)
	$(PYTHON) -m venv $(PEERS)/$*
	( ! grep '^torch==' $< > $(PEERS)/torch-first.txt \
	    || $(PEERS)/$*/bin/pip install --quiet --disable-pip-version-check -r $(PEERS)/torch-first.txt ) \
	    && $(PEERS)/$*/bin/pip install --quiet --disable-pip-version-check -r $< \
	    && touch $@ || echo "the environment $* cannot be installed"

peers: $(VENV)/.bench $(EXPORT)/.done $(PEER_ENVIRONMENTS)
	$(EXPORT)/bin/python -m benchmarks.checkpoints $(PEERS)/weights

DATA := ../shared/data
export RERANK_CORE_DATA ?= $(abspath $(DATA))

# Each row is run through ALONE, if that is given: a command that waits until the machine is quiet, say.
ALONE :=
bench: peers
	$(BIN)/python -m benchmarks --alone "$(ALONE)" "peers:*" "growth:*" "startup:*" "idle:*" "serving*"
	[ ! -d $(DATA) ] || $(BIN)/python -m benchmarks --alone "$(ALONE)" "tokenizing:*"
	$(BIN)/pytest benchmarks --benchmark-only
	$(MAKE) report

bench-engine: $(VENV)/.bench
	$(BIN)/python -m benchmarks --alone "$(ALONE)" "throughput:*" "plan:*" "overhead:*" "memory:*" "callers:*" "alone:*"
	$(MAKE) report

bench-quick: peers
	$(BIN)/python -m benchmarks --alone "$(ALONE)" "quick:*"
	$(MAKE) report

bench-jobs: $(VENV)/.bench $(RAY)/.done
	$(BIN)/python -m benchmarks.jobs
	$(BIN)/python -m benchmarks.jobs_scaling
	$(RAY)/bin/python -m benchmarks.jobs_ray
	[ ! -d $(DATA) ] || $(BIN)/python -m benchmarks.reranked_runs $(DATA)
	$(MAKE) report

GPU_WHEELS := build/gpu-wheels
GPU_SITE := build/gpu-site
GPU_SHAPES :=
GPU_PYTHON := PYTHONPATH=$(GPU_SITE):$(CURDIR) $(PYTHON)

# One call on a machine with a GPU, with its own Python, PyTorch and sentence-transformers: builds, tests,
# measures. What else it lacks lies in wheels, whole or in pieces (CONTRIBUTING, "A GPU").
gpu:
	[ ! -d $(GPU_WHEELS) ] || ( $(PYTHON) -m tools.pieces join $(GPU_WHEELS) && $(PYTHON) -m pip install --quiet \
	    --no-index --no-deps --no-compile --upgrade --target $(GPU_SITE) $(GPU_WHEELS)/*.whl )
	$(GPU_PYTHON) setup.py -q egg_info build_ext --inplace
	$(GPU_PYTHON) -m pytest -q -m gpu -p no:cacheprovider tests/parity/test_cuda.py
	$(GPU_PYTHON) -m benchmarks.gpu build/gpu $(GPU_SHAPES)

WORK := build/training
MODEL := rerank_core/models/bundled
TRAINING := build/training-env

bench-prepare: $(VENV)/.test $(EXPORT)/.done
	$(EXPORT)/bin/python -m benchmarks.preparing
	$(MAKE) bench-quality

bench-quality: $(VENV)/.test
	rm -rf build/bundled-int8
	$(BIN)/rerank-core prepare $(MODEL) build/bundled-int8 --precision int8
	$(BIN)/python -m benchmarks.quality $(DATA) fp32=bundled int8=build/bundled-int8
	$(MAKE) report

BASE ?= main
bench-compare: $(VENV)/.bench
	$(BIN)/python -m benchmarks.compare $(BASE)

$(TRAINING)/.done: training/requirements.txt
	$(PYTHON) -m venv $(TRAINING)
	$(TRAINING)/bin/pip install --quiet --disable-pip-version-check -r training/requirements.txt pytest onnxruntime
	touch $@

model: $(VENV)/.test $(TRAINING)/.done
	$(TRAINING)/bin/python -m pytest -q tests/training --noconftest
	$(TRAINING)/bin/python -m training prepare $(DATA) --work $(WORK)
	$(TRAINING)/bin/python -m training build $(MODEL) --work $(WORK)
	cp $(WORK)/data.json $(WORK)/build.json training/results
	$(BIN)/python -m training.evaluate $(DATA) $(MODEL) -o training/results/bundled.json
	$(BIN)/python -m training.evaluate $(DATA) $(WORK)/fp32 -o training/results/fp32.json
	$(BIN)/python -m training.speed $(MODEL) -o training/results/speed.json
	$(MAKE) report

report: $(VENV)/.bench
	$(BIN)/python -m benchmarks.report

clean:
	rm -rf build dist $(VENV) *.egg-info rerank_core/_core.*.so
