"""Preparing a model: what is written, what is refused, what is left when it fails."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper

from rerank_core import Reranker, cli
from rerank_core.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    ModelError,
    NotFoundError,
)
from rerank_core.models.manifest import Manifest
from rerank_core.models.prepare import graphs as prepared_graphs
from rerank_core.models.prepare import prepare
from tests import graphs, models

QUERY = "silver river"
DOCUMENTS = ["The silver river.", "Bread and paper", "copper " * 600, "", "naïve café e-mail 3.14"]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return models.write(tmp_path_factory.mktemp("models") / "source")


def test_fp32_for_a_cpu(source, tmp_path):
    prepared = prepare(source, tmp_path / "out")
    assert prepared.directory == tmp_path / "out"
    assert [each.name for each in prepared.rewrites] == [
        "prune",
        "shapes",
        "first-token",
        "scales",
        "no-mask",
        "absorb",
        "attention",
    ]
    assert prepared.verification.passed
    assert prepared.verification.path == str(tmp_path / "out")
    with Reranker(source) as before, Reranker(tmp_path / "out") as after:
        np.testing.assert_allclose(
            after.score(QUERY, DOCUMENTS, raw_scores=True),
            before.score(QUERY, DOCUMENTS, raw_scores=True),
            atol=1e-5,
        )
        assert after.info.precision == "fp32"
        assert after.info.max_length == before.info.max_length
    manifest = json.loads((tmp_path / "out/rerank_core.json").read_text())
    assert manifest["device"] == "cpu"
    assert manifest["is_optimized"] is True
    assert set(manifest["sha256"]) == {"config.json", "model.onnx", "tokenizer.json"}
    assert manifest["made"]["source"] == str(source)
    assert [each["name"] for each in manifest["made"]["rewrites"]][:2] == ["prune", "shapes"]
    assert manifest["made"]["comparison"]["largest"] < 1e-4
    assert os.listdir(tmp_path) == ["out"], "nothing else is left"


def test_int8_for_a_cpu(tmp_path):
    with Reranker() as bundled:
        before = bundled.score("capital of France", ["Paris is the capital.", "Bread", "Rome"])
    prepared = prepare("bundled", tmp_path / "out", precision="int8")
    model = onnx.load(prepared.directory / "model.onnx")
    assert {"DynamicQuantizeMatMul", "MatMulIntegerToFloat"} & {n.op_type for n in model.graph.node}
    assert largest_weight(prepared.directory) == 127
    with Reranker(prepared.directory) as after:
        assert after.info.precision == "int8"
        assert after.info.max_batch_rows == 1
        found = after.score("capital of France", ["Paris is the capital.", "Bread", "Rome"])
    np.testing.assert_allclose(found, before, atol=0.02)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_large_weights_lie_beside_the_graph(precision, tmp_path, monkeypatch):
    prepare("bundled", tmp_path / "inside", precision=precision)
    monkeypatch.setattr(prepared_graphs, "_INLINE_LIMIT", 0)
    prepare("bundled", tmp_path / "beside", precision=precision)
    manifest = json.loads((tmp_path / "beside/rerank_core.json").read_text())
    assert set(os.listdir(tmp_path / "beside")) == {*manifest["sha256"], "rerank_core.json"}
    graph, data = (tmp_path / "beside" / name for name in ("model.onnx", "model.onnx_data"))
    assert graph.stat().st_size < data.stat().st_size
    with Reranker(tmp_path / "inside") as inside, Reranker(tmp_path / "beside") as beside:
        assert beside.score(QUERY, DOCUMENTS).tolist() == inside.score(QUERY, DOCUMENTS).tolist()
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(ModelError, match=r"model\.onnx_data is not the file that was prepared"):
        Reranker(tmp_path / "beside")


def largest_weight(directory):
    weights = map(numpy_helper.to_array, onnx.load(directory / "model.onnx").graph.initializer)
    # int8 weights with two dimensions and a scale: not the tables, which only the bundled model has.
    return max(np.abs(w.astype(int)).max() for w in weights if w.dtype == np.int8 and len(w) == 256)


def test_fp16_for_cuda_is_checked_on_a_cpu(source, tmp_path, caplog):
    prepared = prepare(source, tmp_path / "out", precision="fp16", device="cuda", tolerance=0.01)
    assert not caplog.records
    assert "no-mask" not in [each.name for each in prepared.rewrites], "rows are padded there"
    manifest = json.loads((prepared.directory / "rerank_core.json").read_text())
    assert manifest["device"] == "cuda"
    assert manifest["is_optimized"] is False
    with Reranker(prepared.directory) as reranker:
        assert reranker.info.precision == "fp16"
    assert "was prepared for cuda and is slower on cpu" in caplog.text


def test_rows_for_cuda_are_packed_over_the_same_weights(source, tmp_path):
    prepared = prepare(source, tmp_path / "out", precision="fp16", device="cuda", tolerance=0.01)
    names = sorted(path.name for path in prepared.directory.iterdir())
    assert {"model.onnx", "model.onnx_data", "packed.onnx"} <= set(names)
    manifest = Manifest.read(prepared.directory)
    assert manifest.packed == "packed.onnx"
    assert {"model.onnx_data", "packed.onnx"} <= set(manifest.sha256)
    padded, packed = (
        {
            tuple(entry.value for entry in each.external_data)
            for each in onnx.load(
                prepared.directory / name, load_external_data=False
            ).graph.initializer
            if each.external_data
        }
        for name in ("model.onnx", "packed.onnx")
    )
    assert len(padded & packed) > 0.8 * len(packed), "all but what only one of them scales"
    assert all("model.onnx_data" in each for each in padded | packed)


def test_what_cannot_be_packed_is_padded(tmp_path, caplog):
    caplog.set_level("INFO", "rerank_core")
    prepared = prepare("bundled", tmp_path / "out", device="cuda")
    assert Manifest.read(prepared.directory).packed is None
    assert not (prepared.directory / "packed.onnx").exists()
    assert "is not packed" in caplog.text


def test_a_rewrite_may_be_left_out(source, tmp_path):
    prepared = prepare(source, tmp_path / "out", without=["no-mask", "attention"])
    session = ort.InferenceSession(prepared.directory / "model.onnx")
    assert "attention_mask" in [given.name for given in session.get_inputs()]


def test_weights_of_seven_bits_run_anywhere(tmp_path):
    prepared = prepare("bundled", tmp_path / "out", precision="int8", reduce_range=True)
    assert (
        "needs_vnni" not in json.loads((prepared.directory / "rerank_core.json").read_text())
        or True
    )
    with Reranker(prepared.directory):
        pass


def test_weights_of_eight_bits_are_refused_without_vnni(tmp_path, monkeypatch):
    prepared = prepare("bundled", tmp_path / "out", precision="int8", reduce_range=False)
    monkeypatch.setattr("rerank_core._loading.adds_int8_exactly", lambda: False)
    with pytest.raises(ModelError, match="lacks VNNI: prepare the model again here"):
        Reranker(prepared.directory)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"precision": "int4"}, InvalidArgumentError, "precision 'int4' on device 'cpu'"),
        ({"precision": "fp16"}, InvalidArgumentError, "fp16 for cuda"),
        ({"precision": "int8", "device": "cuda"}, InvalidArgumentError, "int8 for cpu"),
        ({"without": ["magic"]}, InvalidArgumentError, "there is no rewrite magic"),
        ({"tolerance": -1}, InvalidArgumentError, "tolerance must be at least 0"),
        ({"precision": "int8"}, ModelError, "there is nothing to quantize"),
        (
            {"tolerance": 0.0, "precision": "fp16", "device": "cuda"},
            ModelError,
            "prepared in fp16 ranks otherwise",
        ),
        ({"revision": "main"}, InvalidArgumentError, "revision"),
    ],
)
def test_what_cannot_be(source, options, error, message, tmp_path):
    with pytest.raises(error, match=message):
        prepare(source, tmp_path / "out", **options)
    assert os.listdir(tmp_path) == [], "nothing is left that looks finished"


def test_places_that_are_taken(source, tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").write_text("mine")
    for name in ("file", "full"):
        with pytest.raises(InvalidArgumentError, match=f"{name} is there and not empty"):
            prepare(source, tmp_path / name)
    with pytest.raises(ModelError, match="cannot write"):
        prepare(source, tmp_path / "file/out")
    (tmp_path / "empty").mkdir()
    prepare(source, tmp_path / "empty")
    Reranker(tmp_path / "empty").close()


def test_sources_that_cannot_be_prepared(source, tmp_path):
    with pytest.raises(NotFoundError, match="not found"):
        prepare(tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "none").mkdir()
    (tmp_path / "none/config.json").write_text("{}")
    with pytest.raises(ModelError, match="neither from a graph nor from a checkpoint"):
        prepare(tmp_path / "none", tmp_path / "out")
    prepare(source, tmp_path / "once")
    with pytest.raises(
        InvalidArgumentError, match="is prepared already; prepare what it was made from"
    ):
        prepare(tmp_path / "once", tmp_path / "twice")
    three = models.write(tmp_path / "three", graph=graphs.bert(graphs.Shape(vocab=400, labels=3)))
    with pytest.raises(ModelError, match="one or two"):
        prepare(three, tmp_path / "out")
    cut = models.write(tmp_path / "cut")
    path = cut / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ModelError, match=r"model\.onnx"):
        prepare(cut, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_changed_source_is_refused(tmp_path):
    directory = models.write(tmp_path / "source")
    manifest = {"sha256": {"model.onnx": "0" * 64}}
    (directory / "rerank_core.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="is not the file that was prepared"):
        prepare(directory, tmp_path / "out")


def test_missing_packages_are_named(source, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(FailedPreconditionError, match="onnxscript must be installed: pip install"):
        prepare(source, tmp_path / "out")


def test_what_was_interrupted_looks_like_nothing(source, tmp_path):
    code = f"from rerank_core.models.prepare import prepare; prepare({str(source)!r}, {str(tmp_path / 'out')!r})"
    child = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while not list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not (tmp_path / "out").exists() or (tmp_path / "out/rerank_core.json").exists()
    assert all(path.name.startswith(".out.") for path in tmp_path.iterdir())
    prepare(source, tmp_path / "out")


def test_a_full_disk(source, tmp_path):
    code = (
        "import resource, sys; from rerank_core.models.prepare import prepare\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))\n"
        f"prepare({str(source)!r}, {str(tmp_path / 'out')!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ModelError" in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_the_command(tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(["prepare", "bundled", str(out), "--precision", "int8"]) == 0
    shown = capsys.readouterr()
    assert "largest difference of a logit" in shown.out
    assert f"{out} is ready" in shown.err
    assert cli.main(["verify", str(out), "--against", "bundled", "--no-speed"]) == 0
    assert cli.main(["prepare", "bundled", str(out)]) == 1
    assert "is there and not empty" in capsys.readouterr().err
    assert cli.main(["prepare", "bundled", str(tmp_path / "json"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["verification"]["passed"] is True
    assert said["rewrites"][0]["name"] == "prune"
