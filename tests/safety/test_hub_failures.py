"""A hub that fails: an error that says what to do, and nothing half used afterwards."""

import os
import resource
import subprocess
import sys

import pytest

from rerank_core import InvalidArgumentError, ModelError, NotFoundError, Reranker
from rerank_core.models.hub import download_checkpoint, download_model
from tests import models

ID = "org/small-reranker"
GRAPH = {"config.json": b'{"vocab_size": 9}', "tokenizer.json": b"{}", "model.onnx": b"graph"}


@pytest.fixture
def download(served, tmp_path):
    def download(model=ID, precision=None, revision=None, *, endpoint=None):
        options = {"endpoint": endpoint or served.endpoint, "cache_dir": tmp_path / "cache"}
        return download_model(model, precision, revision, **options)

    return download


def graphs_in(cache):
    return [path for path in cache.rglob("model.onnx") if path.exists()]


@pytest.mark.parametrize(
    ("pattern", "answer", "error", "message"),
    [
        (
            "/api/",
            (401, "RepoNotFound"),
            NotFoundError,
            "the hub has no such model, or a private one",
        ),
        (
            "/api/",
            (404, "RepoNotFound"),
            NotFoundError,
            "the hub has no such model, or a private one",
        ),
        ("/api/", (404, "RevisionNotFound"), NotFoundError, "has no revision 'v1' on the hub"),
        ("/api/", (403, "GatedRepo"), ModelError, r"is gated: accept its terms .*or set HF_TOKEN"),
        ("/api/", (403, ""), NotFoundError, "not found: the hub refuses it: "),
        (
            "/api/",
            (500, ""),
            NotFoundError,
            "the hub cannot be reached: .*; nor is it in the cache",
        ),
        (
            "/api/",
            (429, ""),
            NotFoundError,
            "the hub cannot be reached: .*; nor is it in the cache",
        ),
        (
            "resolve",
            (401, "GatedRepo"),
            ModelError,
            r"is gated: accept its terms .*or set HF_TOKEN",
        ),
        (
            "resolve",
            (403, "GatedRepo"),
            ModelError,
            r"is gated: accept its terms .*or set HF_TOKEN",
        ),
        (
            "HEAD.*onnx",
            (404, "EntryNotFound"),
            ModelError,
            "lists model.onnx, but does not have it",
        ),
        ("GET.*onnx", (500, ""), ModelError, "model.onnx could not be downloaded: .*500"),
        ("GET.*onnx", (403, ""), ModelError, "model.onnx could not be downloaded: .*403"),
    ],
)
def test_a_hub_that_refuses(served, download, tmp_path, pattern, answer, error, message):
    served.add(ID, GRAPH, "v1")
    served.status[pattern] = answer
    with pytest.raises(error, match=f"Model '{ID}'.*{message}") as caught:
        download(revision="v1")
    assert caught.value.__cause__ is not None
    assert not graphs_in(tmp_path)
    served.status.clear()
    assert (download(revision="v1") / "model.onnx").read_bytes() == b"graph"


def test_no_such_model_or_revision(served, download):
    served.add(ID, GRAPH)
    with pytest.raises(NotFoundError, match=r"Model 'org/none' not found: .*no such model"):
        download("org/none")
    with pytest.raises(NotFoundError, match="Model 'org/small-reranker' has no revision 'v9'"):
        download(revision="v9")
    with pytest.raises(NotFoundError, match=r"has no revision '0{40}'"):
        download(revision="0" * 40)


@pytest.mark.parametrize("name", ["a/b/c", "../x", "-x", "a--b", ""])
def test_a_name_that_is_none_is_not_asked_for(served, download, name):
    for fetch in (download, download_checkpoint):
        with pytest.raises(InvalidArgumentError, match="is no hub id: that is 'name' or"):
            fetch(name)
    assert served.asked == []


def test_an_unreachable_hub(served, download, caplog):
    nowhere = "http://127.0.0.1:9"
    with pytest.raises(
        NotFoundError, match=r"the hub cannot be reached: .*; nor is it in the cache"
    ):
        download(endpoint=nowhere)
    served.add(ID, {**GRAPH, "model_int8.onnx": b"8"})
    directory = download()
    assert not caplog.records
    assert download(endpoint=nowhere) == directory
    assert f"using what was downloaded before: {directory}" in caplog.text
    with pytest.raises(NotFoundError, match=r"; the cache has not all of it: .* has no int8 graph"):
        download(precision="int8", endpoint=nowhere)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.onnx"])
def test_without_the_hub_the_last_whole_revision_is_used(served, download, name):
    served.add(ID, GRAPH)
    directory = download()
    served.add(ID, {file: b" " + content for file, content in GRAPH.items()})
    served.status[f"GET.*{name}"] = (500, "")
    with pytest.raises(ModelError, match=f"{name} could not be downloaded"):
        download()
    served.status["/api/"] = (500, "")
    assert download() == directory


def test_a_broken_transfer_is_not_taken_for_whole(served, download, tmp_path, model_directory):
    served.add(ID, model_directory)
    served.cut["model.onnx"] = 1
    try:
        directory = download()  # newer versions of huggingface_hub go on by themselves
    except ModelError as error:
        assert "model.onnx could not be downloaded" in str(error)  # noqa: PT017
        assert not graphs_in(tmp_path)
        directory = download()
    with Reranker(directory) as ours, Reranker(model_directory) as source:
        assert ours.score("a", ["b"]).tolist() == source.score("a", ["b"]).tolist()


def test_a_transfer_that_always_breaks(served, download, tmp_path, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)  # between its attempts
    served.add(ID, {**GRAPH, "model.onnx": b"graph" * 1000})
    served.cut["model.onnx"] = 1000
    with pytest.raises(ModelError, match=r"model\.onnx could not be downloaded: "):
        download()
    assert not graphs_in(tmp_path)


@pytest.mark.parametrize("name", ["model.onnx", "model.onnx_data", "tokenizer.json", "config.json"])
def test_changed_on_the_way(served, download, tmp_path, name):
    served.add(ID, {**GRAPH, "model.onnx_data": b"data"})
    served.corrupt.add(name)
    with pytest.raises(ModelError, match=f"{name} came damaged: its hash is .* try again"):
        download()
    assert not [path for path in tmp_path.rglob(name) if path.exists()]
    served.corrupt.clear()
    assert (download() / "model.onnx").read_bytes() == b"graph"


def test_only_what_came_is_hashed(served, download):
    """A start costs no reading of gigabytes that were checked when they came."""
    served.add(ID, GRAPH)
    graph = download() / "model.onnx"
    graph.resolve().write_bytes(b"other")
    assert (download() / "model.onnx").read_bytes() == b"other"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"config.json": b"{}", "tokenizer.json": b"{}", "model.safetensors": b"w"},
            r"has no ONNX graph: .*`rerank-core prepare org/small-reranker OUT` makes one",
        ),
        ({"config.json": b"{}", "model.onnx": b"g"}, r"has no tokenizer\.json; a model needs"),
        ({"tokenizer.json": b"{}", "model.onnx": b"g"}, r"has no config\.json; a model needs"),
        (
            {**GRAPH, "rerank_core.json": b'{"graph": "g.onnx", "precision": "fp32"}'},
            r"has no g\.onnx; a model needs",
        ),
        ({**GRAPH, "rerank_core.json": b'{"graph": "../g.onnx"}'}, "graph must name a file in the"),
        ({}, "has no ONNX graph"),
    ],
)
def test_a_repository_that_lacks_files(served, download, files, message):
    served.add(ID, {**files, "pytorch_model.bin": b"p"})
    with pytest.raises(ModelError, match=message):
        download()
    assert set(served.files()) <= {"rerank_core.json"}, "known from the listing"


def test_a_model_that_changes_all_the_time(served, download, monkeypatch):
    served.add(ID, GRAPH)
    from rerank_core.models.hub.transfer import Repository

    listing = Repository.listing

    def changing(repository):
        for _ in range(2):
            found = listing(repository)
            served.add(ID, {**GRAPH, "model.onnx": os.urandom(8)})
        return found

    monkeypatch.setattr(Repository, "listing", changing)
    with pytest.raises(ModelError, match="changes on the hub while it is downloaded"):
        download()


@pytest.mark.skipif(sys.platform != "linux", reason="how a limit shows differs")
def test_a_full_disk(served, tmp_path):
    served.add(ID, models.write(tmp_path / "model"))
    program = (
        "import sys; from pathlib import Path; from rerank_core.models.hub import download_model\n"
        "from rerank_core import ModelError\n"
        "try: download_model(sys.argv[1], endpoint=sys.argv[2], cache_dir=Path(sys.argv[3]))\n"
        "except ModelError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, ID, served.endpoint, str(tmp_path / "cache")],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert "model.onnx cannot be written to the hub's cache: OSError: " in done.stdout
    assert not graphs_in(tmp_path / "cache")
