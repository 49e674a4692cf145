"""Who may import whom, read off the #include and import lines (DESIGN: data flows one way)."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CSRC = ROOT / "csrc"
PACKAGE = ROOT / "rerank_core"

# A room of csrc may include headers of these rooms; anything else of csrc is out of bounds.
NATIVE = {
    "core": {"core"},
    "ort": {"ort", "core/error.h", "core/process.h"},
    "engine": {"engine", "core"},
    "bindings": {"bindings", "engine", "ort", "core"},
}
# Headers of the system, by the room that may know it.
SYSTEM = {
    "core": {"process.h", "unistd.h"},
    "ort": {"dlfcn.h", "fcntl.h", "sys/mman.h", "sys/stat.h", "unistd.h", "windows.h"},
    "bindings": {"fcntl.h", "unistd.h"},
}

FACE = {"errors", "results"}
PACKING = {"attention", "nodes", "pooling", "positions", "rows"}
REWRITES = {"absorb", "attention", "first_token", "fold", "no_mask", "plumbing", "prune", "scale"}
# ONNX Runtime's own package runs graphs that are prepared or compared with; scoring never imports it.
PREPARING = {"models.prepare.trials", "models.verify.originals", "models.prepare.quantize"}
COMMON, COHERE = "serving.dialects.common", "serving.dialects.cohere_v1"
REFUSALS = "serving.refusals"
# What a dialect needs beside the faces.
DIALECTS = {
    "apertis": {COMMON},
    "azure": {COHERE, "serving.dialects.cohere_v2"},
    "bedrock": {COMMON},
    "cohere_v1": {COMMON, REFUSALS},
    "cohere_v2": {COHERE, COMMON},
    "infinity": {COMMON, REFUSALS},
    "jina": {COMMON, REFUSALS},
    "pinecone": {COMMON},
    "portkey": {COMMON, REFUSALS},
    "tei": {"", COMMON, REFUSALS},
    "vllm": {REFUSALS},
    "voyage": {COMMON, REFUSALS},
}
# A module of rerank_core may import these of ours.
PYTHON = {
    "__init__": {"errors", "results", "inference", "reranker", "tokenizer"},
    "__main__": {"cli"},
    "_calling": {"_core", "_daemon_pool", "errors"},
    "_cpu": set(),
    "_daemon_pool": set(),
    "_devices": {"errors", "models.manifest"},
    "_event_loop": {"_core"},
    "_events": set(),
    "_graphs": {"_core", "errors", "models.store", "tokenizer"},
    "_loading": {
        "_core",
        "_cpu",
        "_devices",
        "_graphs",
        "_onnxruntime",
        "models.store",
        "request",
        "tokenizer",
        *FACE,
    },
    "_onnxruntime": {"errors", "_core"},
    "_post_processor": set(),
    "_reference": set(),
    "_scoring": {"_core", "_event_loop", "_events", "_loading", "request", "tokenizer", *FACE},
    "_steps": {"_calling", "_event_loop", "_scoring", "tokenizer"},
    "_tokenizer_file": {"_core", "_post_processor", "_tokenizer_schema", "errors"},
    "_tokenizer_schema": set(),
    "cli.__init__": {
        "",
        "cli.eval",
        "cli.job",
        "cli.models",
        "cli.prepare",
        "cli.rank",
        "cli.serve",
        "cli.verify",
        *FACE,
    },
    "cli.eval": {"eval", "reranker", *FACE},
    "cli.job": {"", "cli.options", *FACE},  # the jobs it imports when it runs: they need an extra
    # What a command of its own shows or makes of files on disk is no business of the two faces.
    "cli.models": {"inference", "models.hub.cache", *FACE},
    "cli.prepare": {"models.prepare", *FACE},
    "cli.options": set(),
    "cli.rank": {"cli.options", "reranker", *FACE},
    "cli.serve": {"errors", "serving.server", "serving.settings"},
    # Not the reranker: what a model is made from and must be like is the business of models.
    "cli.verify": {"models.verify", *FACE},
    "errors": set(),
    "eval.__init__": {
        "eval.collection",
        "eval.comparison",
        "eval.evaluation",
        "eval.files",
        "eval.measures",
        "eval.reranking",
    },
    "eval.collection": {"errors", "eval.files", "request"},
    "eval.comparison": {"errors"},
    "eval.evaluation": {
        "errors",
        "eval.collection",
        "eval.comparison",
        "eval.files",
        "eval.measures",
    },
    "eval.files": {"errors", "records", "records.lines", "records.record"},
    "eval.measures": {"errors", "eval.files", "request"},
    "eval.reranking": {"errors", "eval.collection", "reranker", "tokenizer"},
    "inference": {
        "_calling",
        "_steps",
        "reranker",
        "request",
        "models.cards",
        "models.store",
        *FACE,
    },
    "jobs.__init__": {"jobs.job", "jobs.pipeline", "jobs.report", "jobs.settings"},
    # Of `models` only how a file is hashed; of `request` the rules and words for what a caller gives.
    "jobs.corpus": {
        "jobs.files",
        "jobs.parts",
        "jobs.rows",
        "records.record",
        "records.texts",
        "request",
        "reranker",
        *FACE,
    },
    "jobs.files": {"models.manifest", *FACE},
    "jobs.identity": {"models.manifest", "reranker"},
    "jobs.formats.__init__": {
        "jobs.files",
        "jobs.formats",
        "jobs.formats.arrow",
        "jobs.formats.jsonl",
        "jobs.formats.trec",
        "jobs.results",
        "jobs.settings",
        "records.jsonl",
        "records.record",
        *FACE,
    },
    "jobs.formats.arrow": {"jobs.results", "records.lines", "records.record"},
    "jobs.formats.jsonl": {"jobs.results"},
    "jobs.formats.trec": {"jobs.results", "records.record", "records.runs"},
    "jobs.job": {
        "jobs",
        "jobs.corpus",
        "jobs.files",
        "jobs.identity",
        "jobs.parts",
        "jobs.pipeline",
        "jobs.plot",
        "jobs.progress",
        "jobs.ray",
        "records.record",
        "jobs.report",
        "jobs.rows",
        "jobs.scoring",
        "jobs.settings",
        "request",
        "reranker",
        *FACE,
    },
    "jobs.parts": {"jobs.formats", "jobs.results", "records.record", "jobs.settings", *FACE},
    "jobs.pipeline": {
        "jobs.parts",
        "records.record",
        "jobs.results",
        "jobs.rows",
        "jobs.scoring",
        "jobs.settings",
        *FACE,
    },
    "jobs.plot": {"jobs.pipeline", "jobs.rows"},
    "jobs.progress": {"jobs.report"},
    "jobs.ray": {"jobs.identity", "jobs.scoring", "request", "reranker", *FACE},
    "jobs.report": set(),
    "jobs.results": {"jobs.rows"},
    "jobs.rows": {"records.record", "jobs.settings", "request", *FACE},
    "jobs.scoring": {"reranker", "tokenizer", *FACE},
    "jobs.settings": {"request", *FACE},
    "models.__init__": set(),
    "models.hub.cache": {"errors", "models.layout", "models.manifest"},
    "models.cards": FACE,
    "models.prepare.graphs": {"errors", "models.layout", "models.prepare.sampler"},
    "models.prepare.half": {
        "errors",
        "models.prepare.graphs",
        "models.prepare.sampler",
        "models.prepare.trials",
    },
    "models.manifest": {"errors"},
    "models.prepare.__init__": {
        "_cpu",
        "errors",
        "models.checkpoint",
        "models.prepare.calibration",
        "models.prepare.cuda",
        "models.prepare.export",
        "models.prepare.graphs",
        "models.hub",
        "models.manifest",
        "models.prepare.quantize",
        "models.prepare.rewrites",
        "models.prepare.sampler",
        "models.prepare.trials",
        "models.store",
        "models.verify",
        "tokenizer",
    },
    "models.prepare.calibration": {
        "_devices",
        "models.manifest",
        "models.verify.comparison",
        "models.verify.probe_pairs",
        "reranker",
        *FACE,
    },
    "models.prepare.cuda": {
        "errors",
        "models.prepare.graphs",
        "models.prepare.half",
        "models.prepare.packing",
        "models.prepare.rewrites",
        "models.prepare.sampler",
    },
    "models.prepare.packing.__init__": {
        "models.prepare.graphs",
        "models.prepare.sampler",
        "models.prepare.trials",
        *(f"models.prepare.packing.{n}" for n in PACKING),
    },
    "models.prepare.packing.attention": {
        "models.prepare.graphs",
        "models.prepare.packing.nodes",
        "models.prepare.packing.rows",
        "models.prepare.rewrites.attention",
        "models.prepare.sampler",
    },
    "models.prepare.packing.nodes": {"models.prepare.graphs"},
    "models.prepare.packing.pooling": {
        "models.prepare.graphs",
        "models.prepare.packing.nodes",
        "models.prepare.packing.rows",
        "models.prepare.rewrites.first_token",
        "models.prepare.sampler",
    },
    "models.prepare.packing.positions": {
        "models.prepare.graphs",
        "models.prepare.packing.nodes",
        "models.prepare.packing.rows",
        "models.prepare.sampler",
        "models.prepare.trials",
    },
    "models.prepare.packing.rows": {"models.prepare.packing.nodes", "models.prepare.sampler"},
    "models.prepare.quantize": {"errors", "models.prepare.graphs"},
    "models.prepare.trials": {"errors", "models.prepare.graphs", "models.prepare.sampler"},
    "models.prepare.rewrites.__init__": {
        "errors",
        "models.prepare.sampler",
        "models.prepare.trials",
        *(f"models.prepare.rewrites.{n}" for n in REWRITES),
    },
    **{
        f"models.prepare.rewrites.{name}": {"models.prepare.graphs", "models.prepare.sampler"}
        for name in REWRITES - {"absorb", "first_token", "fold", "no_mask", "plumbing"}
    },
    **{
        f"models.prepare.rewrites.{name}": {
            "models.prepare.graphs",
            "models.prepare.sampler",
            "models.prepare.trials",
        }
        for name in ("no_mask", "plumbing")
    },
    "models.prepare.rewrites.absorb": {
        "models.prepare.graphs",
        "models.prepare.rewrites.attention",
        "models.prepare.sampler",
        "models.prepare.trials",
    },
    "models.prepare.rewrites.axes": {"models.prepare.graphs"},
    "models.prepare.rewrites.first_token": {
        "models.prepare.graphs",
        "models.prepare.rewrites.axes",
        "models.prepare.sampler",
        "models.prepare.trials",
    },
    "models.prepare.rewrites.fold": set(),
    "models.hub.errors": {"errors"},
    "models.hub.transfer": {"errors", "models.hub.errors", "models.manifest"},
    "models.hub.__init__": {
        "errors",
        "models.hub.errors",
        "models.hub.transfer",
        "models.layout",
        "models.manifest",
    },
    "models.layout": {"errors", "models.manifest"},
    "models.store": {"errors", "models.hub", "models.layout", "models.manifest", "models.traits"},
    "models.traits": {"errors", "models.manifest"},
    "models.verify.case_check": {"models.verify.figures", "models.verify.references"},
    "models.verify.company": {
        "models.verify.figures",
        "models.verify.probe_pairs",
        "reranker",
        "tokenizer",
        *FACE,
    },
    "models.verify.comparison": {"errors", "models.verify.figures"},
    "models.verify.figures": set(),
    "models.verify.measuring": {
        "errors",
        "models.verify.originals",
        "models.verify.probe_pairs",
        "models.store",
        "reranker",
        "tokenizer",
    },
    "models.verify.originals": {
        "_cpu",
        "errors",
        "models.verify.probe_pairs",
        "models.store",
        "reranker",
        "tokenizer",
    },
    "models.verify.probe_pairs": {"models.verify.figures", "tokenizer"},
    "models.verify.references": {"errors"},
    "models.prepare.sampler": {"models.verify.probe_pairs", "tokenizer"},
    "models.verify.__init__": {
        "errors",
        "models.verify.case_check",
        "models.verify.company",
        "models.verify.comparison",
        "models.verify.figures",
        "models.verify.measuring",
        "models.verify.originals",
        "models.verify.probe_pairs",
        "models.verify.references",
        "models.store",
        "reranker",
    },
    "models.prepare.padding": set(),
    "models.checkpoint": {"errors", "models.manifest"},
    "models.prepare.export": {
        "errors",
        "models.prepare.padding",
        "models.checkpoint",
        "models.pytorch",
    },
    "models.pytorch": {"errors", "models.checkpoint"},
    "records.__init__": set(),
    "records.jsonl": {"records.lines", "records.record"},
    "records.lines": {"records.record"},
    "records.record": set(),
    "records.runs": {"records.lines", "records.record"},
    "records.texts": {"records.jsonl", "records.lines", "records.record"},
    "request": {"errors"},
    "reranker": {
        "_calling",
        "_core",
        "_events",
        "_loading",
        "_scoring",
        "_steps",
        "models.store",
        "request",
        "tokenizer",
        *FACE,
    },
    "results": set(),
    "serving.__init__": set(),
    # Dialects translate: they know what is asked and answered, and nothing of HTTP or of models.
    "serving.dialects.__init__": {f"serving.dialects.{name}" for name in DIALECTS},
    "serving.dialects.common": {"serving.dialects.dialect", "serving.refusals", *FACE},
    "serving.dialects.dialect": {"inference", "reranker", *FACE},
    **{
        f"serving.dialects.{name}": {
            "serving.dialects.dialect",
            *needed,
            *FACE,
        }
        for name, needed in DIALECTS.items()
    },
    "serving.app": {
        "",
        "serving",
        "serving.desk",
        "serving.dialects",
        "serving.journal",
        "serving.keys",
        "serving.metrics",
        "serving.refusals",
        "serving.service",
    },
    "serving.body": {"serving.refusals"},
    "serving.desk": {
        "serving",
        "serving.body",
        "serving.dialects.dialect",
        "serving.journal",
        "serving.keys",
        "serving.refusals",
        "serving.router",
        "serving.service",
        *FACE,
    },
    "serving.journal": {"serving.metrics"},
    "serving.keys": {"errors", "serving.refusals", "serving.settings"},
    "serving.metrics": {"serving.service"},
    "serving.openapi": {"serving.dialects.dialect"},
    "serving.page": {"serving.dialects.dialect", *FACE},
    "serving.protocol": set(),
    "serving.refusals": {"errors"},
    "serving.router": {
        "errors",
        "serving.dialects",
        "serving.dialects.dialect",
        "serving.refusals",
    },
    "serving.server": {
        "errors",
        "serving.app",
        "serving.journal",
        "serving.keys",
        "serving.protocol",
        "serving.service",
        "serving.settings",
    },
    # Of the engine, a server knows the two faces only.
    "serving.service": {
        "inference",
        "reranker",
        "serving.dialects.dialect",
        "serving.refusals",
        "serving.settings",
        *FACE,
    },
    "serving.settings": {"errors"},
    "serving.wire": {"serving.refusals"},
    "tokenizer": {"_core", "_cpu", "_tokenizer_file", "errors", "request"},
}
MODULES = sorted(PACKAGE.rglob("*.py"))
SOURCES = sorted(path for room in NATIVE for path in (CSRC / room).rglob("*.[hc]*"))


def name_of(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def includes(path):
    return re.findall(r'^#include ([<"])([^>"]+)[>"]', path.read_text(), re.MULTILINE)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(CSRC)))
def test_includes(path):
    room = path.relative_to(CSRC).parts[0]
    for quote, header in includes(path):
        if quote == '"':
            assert NATIVE[room] & {header, header.split("/")[0]}, f"{path} includes {header}"
        elif header.startswith(("pybind11/", "Python.h")):
            assert room == "bindings", f"{path} includes {header}"
        elif header.endswith(".h"):
            assert header in SYSTEM.get(room, ()), f"{path} includes {header}"
        else:
            assert "/" not in header, (
                f"{path} includes {header}, which is not the standard library's"
            )


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(CSRC)))
def test_native_sources_are_plain(path):
    text = path.read_text()
    assert text.isascii()
    if path.suffix == ".h":
        assert "#pragma once" in text
    if path.relative_to(CSRC).parts[0] == "core":
        banned = r"std::cout|std::cerr|printf|abort\(|getenv|fstream"
        assert not re.search(banned, text), (
            "core does not print, abort, read files or the environment"
        )


def imports(path):
    """Modules of ours that a file imports, as names below rerank_core; others by their top name."""
    ours, others = set(), set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the room"
            modules = [node.module or ""]
            if node.module == "rerank_core":
                names = [alias.name for alias in node.names]
                modules = [
                    f"rerank_core.{n}" if n.startswith("_") else "rerank_core" for n in names
                ]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        else:
            continue
        for module in modules:
            top, _, rest = module.partition(".")
            if top == "rerank_core":
                ours.add(rest)
            else:
                others.add(top)
    return ours, others


def test_every_module_has_its_rule():
    assert {name_of(path) for path in MODULES} == set(PYTHON)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports(path):
    ours, others = imports(path)
    assert ours <= PYTHON[name_of(path)], ours - PYTHON[name_of(path)]
    assert "onnxruntime" not in others or name_of(path) in PREPARING
    if "tokenizers" in others:
        assert name_of(path) == "_tokenizer_file"
    if "huggingface_hub" in others:
        assert name_of(path) in {"models.hub.errors", "models.hub.transfer", "models.hub.cache"}


def test_the_rules_are_not_wider_than_the_code():
    for path in MODULES:
        unused = PYTHON[name_of(path)] - imports(path)[0] - FACE
        assert not unused, f"{name_of(path)} may import {unused} but does not"


def test_files_stay_small():
    limits = {".h": 140, ".cc": 320, ".py": 520}
    generated = CSRC / "core/text/unicode_tables.cc"
    for path in {*SOURCES, *MODULES} - {generated}:
        lines = len(path.read_text().splitlines())
        assert lines <= limits[path.suffix], f"{path} has {lines} lines"
