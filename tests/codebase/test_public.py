"""What a user sees: names, docstrings with examples that run, stubs, the README, the import's cost."""

import doctest
import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rerank_core
from rerank_core import _core

ROOT = Path(__file__).parents[2]
DOCUMENTED = [
    "errors",
    "eval.collection",
    "eval.comparison",
    "eval.evaluation",
    "eval.files",
    "eval.measures",
    "eval.reranking",
    "inference",
    "jobs.job",
    "jobs.report",
    "models.verify.comparison",
    "models.hub",
    "models.verify.probe_pairs",
    "models.verify",
    "reranker",
    "results",
    "serving.settings",
]


def test_exports():
    assert rerank_core.__all__ == sorted(rerank_core.__all__)
    assert all(hasattr(rerank_core, name) for name in rerank_core.__all__)
    from rerank_core import errors, results

    assert set(errors.__all__) | set(results.__all__) < set(rerank_core.__all__)


@pytest.mark.parametrize("name", rerank_core.__all__)
def test_public_names_have_docstrings(name):
    item = getattr(rerank_core, name)
    assert inspect.getdoc(item)
    for method, function in inspect.getmembers(item, inspect.isfunction):
        if (
            not method.startswith("_")
            and function.__module__ == item.__module__ == "rerank_core.reranker"
        ):
            assert inspect.getdoc(function), method


@pytest.mark.parametrize("method", ["rerank", "arerank", "score", "score_pairs"])
def test_methods_show_an_example(method):
    assert ">>> " in (inspect.getdoc(getattr(rerank_core.Reranker, method)) or "")


@pytest.mark.parametrize("module", DOCUMENTED)
def test_docstring_examples_run(module):
    found = importlib.import_module(f"rerank_core.{module}")
    outcome = doctest.testmod(found, optionflags=doctest.ELLIPSIS)
    assert outcome.failed == 0
    assert module == "results" or outcome.attempted > 0


def test_readme_examples_run():
    """Each Python block of the README runs, and prints what the comment behind a print says."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        expected = re.findall(r"^ *print\(.*\)  # (.*)$", block, re.MULTILINE)
        done = subprocess.run(
            [sys.executable, "-c", block], capture_output=True, text=True, check=False, cwd=ROOT
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == expected


def test_import_is_light():
    code = """
        import json, sys
        before = set(sys.modules)
        import rerank_core
        print(json.dumps(sorted({name.split(".")[0] for name in set(sys.modules) - before})))
    """
    program = inspect.cleandoc(code)
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(out.stdout))
    heavy = {
        "onnxruntime",
        "torch",
        "transformers",
        "tokenizers",
        "huggingface_hub",
        "onnx",
        "ir_measures",
        "scipy",
    }
    assert not loaded & heavy


def test_the_stub_names_what_the_module_has():
    stub = (ROOT / "rerank_core" / "_core.pyi").read_text()
    declared = set(re.findall(r"^(?:def|class) (\w+)|^([A-Z_]+):", stub, re.MULTILINE))
    names = {name for pair in declared for name in pair if name}
    assert names == {name for name in dir(_core) if not name.startswith("_")}
    methods = set(re.findall(r"^    def (\w+)", stub, re.MULTILINE)) - {"__init__"}
    classes = [getattr(_core, name) for name in names if name[0].isupper() and not name.isupper()]
    shown = {name for kind in classes for name in dir(kind) if not name.startswith("_")}
    assert methods == shown


def test_the_build_describes_itself():
    assert isinstance(_core.NDEBUG, bool)
    assert _core.CXX_STANDARD >= 202002
    assert _core.COMPILER
