import json
import re
from pathlib import Path

import pytest

from rerank_core import InvalidArgumentError, InvalidTypeError, ModelError, NotFoundError
from rerank_core.models.store import find, locate, verify


def directory(root, files=("model.onnx",), config=None, tokenizer_config=None, manifest=None):
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"graph")
    (root / "config.json").write_text(json.dumps(config or {}))
    (root / "tokenizer.json").write_text("{}")
    if tokenizer_config is not None:
        (root / "tokenizer_config.json").write_text(json.dumps(tokenizer_config))
    if manifest is not None:
        (root / "rerank_core.json").write_text(json.dumps(manifest))
    return root


def test_the_bundled_model():
    files = find("bundled")
    assert (files.name, files.precision, files.max_length) == ("bundled", "fp32", 512)
    assert files.manifest.max_batch_rows is None, "made so that a batch changes no score"


@pytest.mark.parametrize(
    ("there", "asked", "graph", "precision"),
    [
        (["model.onnx"], None, "model.onnx", "fp32"),
        (["onnx/model.onnx"], None, "onnx/model.onnx", "fp32"),
        (["onnx/model.onnx", "model.onnx"], None, "model.onnx", "fp32"),
        (["model.onnx", "model_int8.onnx"], None, "model.onnx", "fp32"),
        (["model.onnx", "onnx/model_int8.onnx"], "int8", "onnx/model_int8.onnx", "int8"),
        (["model_quantized.onnx"], None, "model_quantized.onnx", "int8"),
        (["model_fp16.onnx", "model_int8.onnx"], "fp16", "model_fp16.onnx", "fp16"),
    ],
)
def test_graph_by_precision(tmp_path, there, asked, graph, precision):
    files = find(directory(tmp_path, there), asked)
    assert (files.graph, files.precision) == (tmp_path / graph, precision)


@pytest.mark.parametrize(
    "name",
    [
        "/no/such",
        "./no-such",
        "../no-such",
        "~/no-such",
        "~nobody/no-such",
        "a/b/c",
        "no-such/",
        "/no-such",
        "no\\such",
        "C:\\models",
        "-dash",
        "dash-",
        ".dot",
        "org/.dot",
        "a--b",
        "a..b",
        "org/a.git",
        "organization /name",
        "名前",
        "a\nb",
        "name\n",
        "nul\0",
        "x" * 97,
        "org/" + "x" * 97,
        Path("org/name"),
    ],
)
def test_a_name_that_is_no_hub_id_is_not_looked_for(name):
    message = (
        f"Model '{name}' not found: it is neither 'bundled' nor a directory here, and no hub id"
    )
    with pytest.raises(NotFoundError, match=re.escape(message)):
        find(name)


@pytest.mark.parametrize(
    "name", ["no-such-model", "BAAI/bge-reranker-v2-m3", "a", "o_g/a.b-c_1", "x" * 96]
)
def test_a_hub_id_is_looked_for(name):
    assert locate(name) is None
    with pytest.raises(NotFoundError, match=f"Model '{name}' not found: .*hub cannot be reached"):
        find(name)


def test_a_file_is_no_model(tmp_path, monkeypatch):
    monkeypatch.chdir(directory(tmp_path))
    with pytest.raises(
        NotFoundError, match=r"'model\.onnx' not found: it is a file; give its direc"
    ):
        find("model.onnx")


def test_a_directory_comes_before_the_hub(tmp_path, monkeypatch):
    directory(tmp_path / "org" / "name")
    monkeypatch.chdir(tmp_path)
    assert find("org/name").directory == Path("org/name")


@pytest.mark.parametrize(
    ("model", "revision", "error", "message"),
    [
        (
            "bundled",
            "main",
            InvalidArgumentError,
            "revision is for models of the hub; 'bundled' is",
        ),
        (".", "v1", InvalidArgumentError, "revision is for models of the hub; '.' is on this mach"),
        ("org/name", 1, InvalidTypeError, "revision must be a string, got int"),
        ("org/name", "", InvalidArgumentError, "revision must be a branch, tag or commit, got ''"),
        ("org/name", "../../x", InvalidArgumentError, "revision must be a branch, tag or commit"),
        ("org/name", "a/../../x", InvalidArgumentError, "revision must be a branch, tag or commit"),
        ("org/name", "/etc", InvalidArgumentError, "revision must be a branch, tag or commit"),
        (b"name", None, InvalidTypeError, "model must be a string or a path, got bytes"),
    ],
)
def test_revisions(model, revision, error, message):
    with pytest.raises(error, match=re.escape(message)):
        find(model, revision=revision)


def test_no_silent_precision(tmp_path):
    directory(tmp_path, ["model.onnx", "model_int8.onnx"])
    with pytest.raises(ModelError, match="has no fp16 graph, only fp32, int8"):
        find(tmp_path, "fp16")
    with pytest.raises(
        InvalidArgumentError, match="precision must be one of fp32, fp16, int8, got"
    ):
        find(tmp_path, "int4")


def test_two_graphs_without_fp32_need_a_choice(tmp_path):
    directory(tmp_path, ["model_fp16.onnx", "model_int8.onnx"])
    with pytest.raises(ModelError, match="graphs for fp16, int8: choose a precision"):
        find(tmp_path)


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json"])
def test_missing_file(tmp_path, missing):
    (directory(tmp_path) / missing).unlink()
    with pytest.raises(ModelError, match=f"has no {missing}; a model directory holds"):
        find(tmp_path)


def test_no_graph(tmp_path):
    with pytest.raises(ModelError, match=r"has no ONNX graph: looked for model\.onnx"):
        find(directory(tmp_path, []))


@pytest.mark.parametrize(
    ("text", "message"), [("{", "is not JSON"), ("[1]", "must hold a JSON object")]
)
def test_broken_config(tmp_path, text, message):
    (directory(tmp_path) / "config.json").write_text(text)
    with pytest.raises(ModelError, match=message):
        find(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS pointer")],
)
def test_a_file_that_is_no_graph(tmp_path, content, message):
    (directory(tmp_path) / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=message):
        find(tmp_path)


def test_a_prepared_directory_is_checked_by_hash(tmp_path):
    digest = "1b4b5b3d2a8e0aa9d0c5e8d2a7cbdc3c6dfcbb46a8bb0f6ad5b5f6b9b1b0a0a0"
    manifest = {"graph": "g.onnx", "precision": "int8", "sha256": {"g.onnx": digest}}
    directory(tmp_path, ["g.onnx"], manifest=manifest)
    with pytest.raises(ModelError, match=r"g\.onnx is not the file that was prepared"):
        verify(find(tmp_path))


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (
            {"graph": "../model.onnx", "precision": "fp32"},
            "graph must name a file in the directory",
        ),
        ({"graph": "/model.onnx", "precision": "fp32"}, "graph must name a file in the directory"),
        ({"graph": 5, "precision": "fp32"}, "graph must name a file in the directory"),
        ({"graph": "model.onnx"}, "precision must be one of fp32, fp16, int8"),
        ({"graph": "model.onnx", "precision": "fp64"}, "precision must be one of fp32"),
        ({"max_batch_rows": 0}, "max_batch_rows must be a whole number of at least 1"),
        ({"max_batch_rows": "3"}, "max_batch_rows must be a whole number"),
        ({"sha256": ["model.onnx"]}, "sha256 must give a hash"),
        ({"sha256": {"../x": "0"}}, "sha256 must give a hash"),
    ],
)
def test_a_broken_manifest(tmp_path, manifest, message):
    with pytest.raises(ModelError, match=message):
        find(directory(tmp_path, manifest=manifest))


def test_a_prepared_directory_says_what_it_holds(tmp_path):
    manifest = {"graph": "g.onnx", "precision": "int8", "max_batch_rows": 1}
    directory(tmp_path, ["g.onnx"], manifest=manifest)
    files = find(tmp_path)
    assert (files.graph.name, files.precision, files.manifest.max_batch_rows) == (
        "g.onnx",
        "int8",
        1,
    )
    assert find(tmp_path, "int8") == files
    with pytest.raises(ModelError, match="has no fp32 graph, only int8"):
        find(tmp_path, "fp32")


def test_a_manifest_wins_over_the_configuration(tmp_path):
    config = {"max_position_embeddings": 512, "sentence_transformers": {"activation_fn": "x.Tanh"}}
    directory(tmp_path, config=config, manifest={"max_length": 100, "activation": "identity"})
    files = find(tmp_path)
    assert (files.max_length, files.traits.max_length, files.traits.activation) == (
        100,
        100,
        "identity",
    )
