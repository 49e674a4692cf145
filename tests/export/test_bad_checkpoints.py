"""A checkpoint that is no reranker, or broken, or would run code, is an error with its culprit."""

import json
import shutil
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch", reason="exporting needs PyTorch; the library does not")
pytest.importorskip("optimum.exporters.onnx", reason="exporting needs optimum-onnx")

import safetensors.numpy  # noqa: E402
import transformers  # noqa: E402

from rerank_core import ModelError, NotFoundError  # noqa: E402
from rerank_core.models.prepare.export import export  # noqa: E402
from tests.export import checkpoints  # noqa: E402

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return checkpoints.write(tmp_path_factory.mktemp("good") / "checkpoint")


@pytest.fixture
def checkpoint(good, tmp_path):
    return shutil.copytree(good, tmp_path / "checkpoint")


def without(name):
    return lambda checkpoint: (checkpoint / name).unlink()


def put(name, content):
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return lambda checkpoint: (checkpoint / name).write_bytes(data)


def configured(**settings):
    def change(checkpoint):
        path = checkpoint / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_bytes()), **settings}))

    return change


def cut(checkpoint):
    path = checkpoint / WEIGHTS
    path.write_bytes(path.read_bytes()[:-100])


def of_tensors(change):
    def rewrite(checkpoint):
        tensors = safetensors.numpy.load_file(checkpoint / WEIGHTS)
        safetensors.numpy.save_file(change(tensors), checkpoint / WEIGHTS, {"format": "pt"})

    return rewrite


def without_head(tensors):
    return {name: value for name, value in tensors.items() if not name.startswith("classifier")}


def without_layer(tensors):
    return {name: value for name, value in tensors.items() if "layer.1." not in name}


def pickled(checkpoint):
    (checkpoint / WEIGHTS).rename(checkpoint / "pytorch_model.bin")


def sharded(names):
    def change(checkpoint):
        (checkpoint / WEIGHTS).unlink()
        put(INDEX, {"weight_map": {str(at): name for at, name in enumerate(names)}})(checkpoint)

    return change


def both(*changes):
    def change(checkpoint):
        for each in changes:
            each(checkpoint)

    return change


THREE = {str(at): f"LABEL_{at}" for at in range(3)}
CASES = {
    "no config": (without("config.json"), "has no config.json; a checkpoint holds"),
    "config is no JSON": (put("config.json", b"{"), "config.json is not JSON"),
    "config that cannot be": (configured(num_attention_heads=5), "cannot be loaded: .*hidden size"),
    "config of odd types": (configured(id2label=3), "config.json is broken"),
    "no weights": (without(WEIGHTS), "has no model.safetensors and no .*download the checkpoint"),
    "a pickle": (
        pickled,
        "it has pytorch_model.bin, but a pickle can run code and is never loaded",
    ),
    "empty weights": (put(WEIGHTS, b""), "model.safetensors is empty; download it again"),
    "a pointer": (put(WEIGHTS, b"version https://git-lfs.github.com/spec/v1"), "Git LFS pointer"),
    "cut weights": (cut, "model.safetensors is truncated or no safetensors file"),
    "weights of noise": (put(WEIGHTS, bytes(range(256))), "truncated or no safetensors file"),
    "a shard is missing": (sharded(["model-00001-of-00002.safetensors"]), "which .* names"),
    "a shard elsewhere": (sharded(["../model.safetensors"]), "names '../model.safetensors', which"),
    "a pickled shard": (sharded(["pytorch_model.bin"]), "names 'pytorch_model.bin', which is no"),
    "no shards": (sharded([]), "has no weight_map"),
    "no head": (
        of_tensors(without_head),
        "BertForSequenceClassification lacks weights .*: classifier.bias, classifier.weight. They",
    ),
    "no second layer": (of_tensors(without_layer), r"bert.encoder.layer.1.* and 11 more. They"),
    "another width": (configured(vocab_size=50), r"shape: bert.*word_embeddings.* \[50, 32\] by"),
    "labels left to a default": (
        configured(id2label=None, label2id=None),
        r"classifier.weight \(\[1, 32\] in the file, \[2, 32\] by config.json\)",
    ),
    "three labels": (configured(id2label=THREE, label2id=None), "BertFor.* has num_labels 3; a"),
    "remote code": (
        configured(
            architectures=["NewForSequenceClassification"],
            model_type="new",
            auto_map={"AutoModel": "modeling.NewModel"},
        ),
        r"NewForSequenceClassification needs Python code .*auto_map: modeling.NewModel.* ONNX graph",
    ),
    "unknown to optimum": (
        configured(architectures=["XLNetForSequenceClassification"], model_type="xlnet"),
        "XLNetForSequenceClassification .*cannot be exported; what can be: .*bert",
    ),
    "unfit": (configured(model_type="big_bird"), "model_type big_bird. cannot be exported"),
    "unknown to all": (
        configured(architectures=None, model_type="x"),
        r"x \(model_type x\) cannot",
    ),
    "quantized": (configured(quantization_config={"bits": 4}), "quantized .quantization_config"),
    "an adapter": (put("adapter_config.json", {}), "holds an adapter .*merge it into its base"),
    "no tokenizer": (without("tokenizer.json"), "has no tokenizer.json, nor a file to make it of"),
    "a broken vocabulary": (
        both(without("tokenizer.json"), put("spiece.model", b"x"), put("vocab.json", b"{")),
        "has no tokenizer.json, and none can be made of its other files",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_says_what_is_wrong_and_leaves_nothing(tmp_path, checkpoint, case):
    change, message = CASES[case]
    change(checkpoint)
    with pytest.raises(ModelError, match=message) as caught:
        export(checkpoint, tmp_path / "out")
    assert str(checkpoint) in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def test_no_directory(tmp_path):
    with pytest.raises(NotFoundError, match=r"Checkpoint '.*nowhere' not found"):
        export(tmp_path / "nowhere", tmp_path / "out")


def test_a_model_that_reads_more_than_text(tmp_path):
    config = transformers.LayoutLMConfig(vocab_size=200, num_labels=1, **checkpoints.SHAPE)
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    model.save_pretrained(tmp_path / "checkpoint")
    (tmp_path / "checkpoint" / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match=r"LayoutLMForSequenceClassification reads .*bbox.*; a"):
        export(tmp_path / "checkpoint", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_disk_is_full(tmp_path, good):
    """A limit on the size of files stands for it; the weights are larger."""
    code = f"""
import resource
from rerank_core.models.prepare.export import export
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
export({str(good)!r}, {str(tmp_path / "out")!r})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ModelError: cannot write" in done.stderr, done.stderr
    assert "File too large" in done.stderr
    assert not list(tmp_path.iterdir())
