"""Models by hub id, from a hub on loopback: what is asked for, what is kept, what is used."""

import json
import os
import subprocess
import sys

import pytest

from rerank_core import ModelError, Reranker
from rerank_core.models.hub import download_checkpoint, download_model
from rerank_core.models.hub.cache import cached_models
from rerank_core.models.store import find
from tests import models

ID = "org/small-reranker"
BESIDE = {"config.json": b'{"vocab_size": 9}', "tokenizer.json": b"{}"}
GRAPH = {**BESIDE, "model.onnx": b"graph"}


@pytest.fixture
def download(served, tmp_path):
    def download(model=ID, precision=None, revision=None, fetch=download_model):
        options = {"endpoint": served.endpoint, "cache_dir": tmp_path / "cache"}
        if fetch is download_checkpoint:
            return fetch(model, revision, **options)
        return fetch(model, precision, revision, **options)

    return download


@pytest.fixture
def process(served, tmp_path):
    """Run the command line in a process that knows of this hub only."""

    def process(*arguments, **environment):
        return subprocess.run(
            [sys.executable, "-m", "rerank_core", *arguments],
            capture_output=True,
            text=True,
            check=False,
            input="silver river\nstone\n",
            env={
                **os.environ,
                "HF_ENDPOINT": served.endpoint,
                "HF_HOME": str(tmp_path / "home"),
                **environment,
            },
        )

    return process


def test_a_model_by_its_id(served, download, model_directory):
    commit = served.add(ID, model_directory)
    directory = download()
    assert directory.name == commit
    with Reranker(directory) as ours, Reranker(model_directory) as source:
        documents = models.texts(5)
        assert ours.score("river", documents).tolist() == source.score("river", documents).tolist()


def test_the_second_time_no_file_is_asked_for(served, download, model_directory):
    served.add(ID, model_directory)
    first = download()
    assert sorted(served.files()) == ["config.json", "model.onnx", "tokenizer.json"]
    served.asked.clear()
    assert download() == first
    assert served.asked == [f"GET /api/models/{ID}"]


def test_from_the_command_line(served, process, model_directory):
    old = served.add(ID, model_directory, "v1")
    new = served.add(ID, {**GRAPH, "config.json": b"[]"})
    done = process("rank", "river", "--model", ID, "--revision", "v1")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    done = process("rank", "river", "--model", ID)
    assert done.returncode == 1
    assert "config.json must hold a JSON object, not list" in done.stderr
    rows = [json.loads(line) for line in process("models", "--json").stdout.splitlines()]
    found = {row["revision"]: row for row in rows if row["model"] == ID}
    assert {commit: row["refs"] for commit, row in found.items()} == {old: ["v1"], new: ["main"]}
    assert found[old]["precisions"] == ["fp32"]
    assert found[old]["weights"].endswith(old)
    lines = process("models").stdout.splitlines()
    assert lines[7].split() == ["downloaded", "from", "the", "hub", "revision", "MB", "precision"]
    size = f"{found[old]['size'] / 1e6:.1f}"
    assert [ID, old[:8], "v1", size, "fp32"] in [line.split() for line in lines[8:]]


def test_offline(served, process, model_directory):
    served.add(ID, model_directory)
    done = process("rank", "river", "--model", ID, HF_HUB_OFFLINE="1")
    assert done.returncode == 1
    assert done.stderr == (
        f"rerank-core: Model '{ID}' not found: it is not a directory here, and HF_HUB_OFFLINE forbids "
        "to ask the hub; nor is it in the cache\n"
    )
    assert not served.asked
    online = process("rank", "river", "--model", ID)
    served.asked.clear()
    offline = process("rank", "river", "--model", ID, HF_HUB_OFFLINE="1")
    assert (offline.returncode, offline.stderr) == (0, "")
    assert offline.stdout == online.stdout
    done = process("rank", "river", "--model", ID, "--precision", "int8", HF_HUB_OFFLINE="1")
    assert "; the cache has not all of it: org/small-reranker has no int8 graph" in done.stderr
    assert not served.asked


def test_revisions(served, download):
    commits = [
        served.add(ID, {**GRAPH, "model.onnx": b"one"}, "v1"),
        served.add(ID, {**GRAPH, "model.onnx": b"two"}, "refs/pr/1"),
        served.add(ID, {**GRAPH, "model.onnx": b"three"}),
    ]
    for revision, content in (
        (None, b"three"),
        ("main", b"three"),
        ("v1", b"one"),
        ("refs/pr/1", b"two"),
        (commits[0], b"one"),
    ):
        assert (download(revision=revision) / "model.onnx").read_bytes() == content
    assert {found.revision: found.refs for found in cached_models(download().parents[2])} == {
        commits[0]: ("v1",),
        commits[1]: ("refs/pr/1",),
        commits[2]: ("main",),
    }


def test_what_is_new_is_downloaded_and_what_is_not_is_kept(served, download):
    served.add(ID, GRAPH)
    download()
    served.asked.clear()
    served.add(ID, {**GRAPH, "model.onnx": b"new graph"})
    assert (download() / "model.onnx").read_bytes() == b"new graph"
    assert served.files() == ["model.onnx"]


@pytest.mark.parametrize(
    ("there", "precision", "asked"),
    [
        (["model.onnx", "model_int8.onnx", "model_fp16.onnx"], None, ["model.onnx"]),
        (["onnx/model.onnx", "onnx/model_quantized.onnx"], "int8", ["onnx/model_quantized.onnx"]),
        (["onnx/model_int8.onnx"], None, ["onnx/model_int8.onnx"]),
        (
            ["model.onnx", "model.onnx_data", "model.onnx_data_1", "onnx/model.onnx_data"],
            None,
            ["model.onnx", "model.onnx_data", "model.onnx_data_1"],
        ),
        (
            ["onnx/model.onnx", "onnx/model.onnx.data"],
            None,
            ["onnx/model.onnx", "onnx/model.onnx.data"],
        ),
        (["model.onnx", "model.onnx_data.bin", "pytorch_model.bin"], None, ["model.onnx"]),
        (["model.onnx", "model.safetensors", "README.md", "model_O2.onnx"], None, ["model.onnx"]),
    ],
)
def test_only_what_is_needed(served, download, there, precision, asked):
    served.add(ID, {**BESIDE, **{name: name.encode() for name in there}})
    directory = download(precision=precision)
    assert sorted(served.files()) == sorted([*asked, "config.json", "tokenizer.json"])
    assert find(directory, precision).graph == directory / asked[0]


def test_a_graph_comes_behind_its_data(served, download):
    served.add(ID, {**GRAPH, "model.onnx_data": b"x"})
    download()
    assert served.files().index("model.onnx_data") < served.files().index("model.onnx")


def test_a_prepared_model(served, download):
    manifest = {
        "graph": "fast.onnx",
        "precision": "int8",
        "sha256": {"fast.onnx": "0", "special.txt": "0", "evil.pkl": "0"},
    }
    files = {**GRAPH, "fast.onnx": b"g", "special.txt": b"s", "evil.pkl": b"p", "other.txt": b"o"}
    served.add(ID, {**files, "rerank_core.json": json.dumps(manifest).encode()})
    assert find(download()).precision == "int8"
    assert sorted(served.files()) == [
        "config.json",
        "fast.onnx",
        "rerank_core.json",
        "special.txt",
        "tokenizer.json",
    ]


SHARDS = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({"model.safetensors": b"w"}, {}),
        (
            {
                "model.safetensors.index.json": json.dumps(SHARDS).encode(),
                "model-1.safetensors": b"1",
                "model-2.safetensors": b"2",
            },
            {"model-3.safetensors": b"3"},
        ),
    ],
)
def test_a_checkpoint(served, download, files, left):
    files = {
        "config.json": b'{"vocab_size": 9}',
        "tokenizer_config.json": b"{}",
        "vocab.txt": b"v",
        "sentencepiece.bpe.model": b"s",
        **files,
    }
    left = {"pytorch_model.bin": b"p", "modeling.py": b"m", "onnx/model.onnx": b"o", **left}
    served.add(ID, {**files, **left})
    directory = download(fetch=download_checkpoint)
    assert {path.name for path in directory.iterdir()} == set(files)
    assert set(served.files()) == set(files)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"pytorch_model.bin": b"p"},
            r"in pytorch_model\.bin only: a pickle, which could run any code",
        ),
        ({}, r"has no model\.safetensors, and no model\.safetensors\.index\.json either"),
        ({"model.safetensors.index.json": b"{}"}, "index.json names no weights in safetensors"),
        (
            {"model.safetensors.index.json": b'{"weight_map": {"a": "pytorch_model.bin"}}'},
            "index.json names no weights in safetensors",
        ),
        (
            {
                "model.safetensors.index.json": json.dumps(SHARDS).encode(),
                "model-1.safetensors": b"1",
            },
            r"has no model-2\.safetensors",
        ),
    ],
)
def test_a_checkpoint_without_weights(served, download, files, message):
    served.add(ID, {"config.json": b"{}", **files})
    with pytest.raises(ModelError, match=message):
        download(fetch=download_checkpoint)
    assert "pytorch_model.bin" not in str(served.asked)


def test_an_absent_cache_holds_no_models(tmp_path):
    assert cached_models(tmp_path / "none") == []
    (tmp_path / "file").write_bytes(b"")
    assert cached_models(tmp_path / "file") == []


def test_only_models_that_can_rank_are_listed(served, download):
    served.add(ID, GRAPH)
    served.add("org/checkpoint", {"config.json": b"{}", "model.safetensors": b"w"})
    served.add("org/broken", {**GRAPH, "rerank_core.json": b"{}"})
    cache = download().parents[2]
    download("org/checkpoint", fetch=download_checkpoint)
    (download("org/broken") / "rerank_core.json").resolve().write_text("[")
    assert [(found.model, found.precisions) for found in cached_models(cache)] == [(ID, ("fp32",))]
