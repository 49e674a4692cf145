"""Verifying against PyTorch: a small BERT of transformers, exported by optimum."""

import json
import shutil

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
exporters = pytest.importorskip("optimum.exporters.onnx")

from rerank_core import ModelError  # noqa: E402
from rerank_core.models.verify import verify  # noqa: E402
from tests import models  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # what those packages say is not ours to mend


def checkpoint(directory, **changes):
    """Write a checkpoint with seeded weights, large enough that logits differ."""
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=500,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        **{"num_labels": 1, **changes},
    )
    model = transformers.AutoModelForSequenceClassification.from_config(config).eval()
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:
                weights.normal_(0, 0.2)
    model.save_pretrained(directory)
    TOKENIZER.save(str(directory / "tokenizer.json"))
    said = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]"}
    (directory / "tokenizer_config.json").write_text(json.dumps(said))
    return directory


TOKENIZER = models.wordpiece()


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return checkpoint(tmp_path_factory.mktemp("models") / "bert")


@pytest.fixture(scope="module")
def exported(bert, tmp_path_factory):
    directory = tmp_path_factory.mktemp("models") / "exported"
    exporters.main_export(
        str(bert),
        output=directory,
        task="text-classification",
        do_validation=False,
        no_post_process=True,
    )
    return directory


@pytest.fixture
def copy(bert, tmp_path):
    return shutil.copytree(bert, tmp_path / "copy")


def compared(*arguments, **options):
    verification = verify(*arguments, **options)
    assert verification.comparison is not None
    return verification, verification.comparison


def fails(*arguments):
    with pytest.raises(ModelError) as caught:
        verify(*arguments)
    return str(caught.value)


def test_an_export_is_its_checkpoint(exported, bert):
    verification, comparison = compared(exported, bert, speed=True)
    assert verification.passed, verification.failures
    assert comparison.largest < 2e-5
    assert comparison.scale > 0.1
    assert f"{bert}, run by torch {torch.__version__}" in verification.original
    ours, theirs = verification.speed
    assert theirs.peak_mb > ours.peak_mb, "it holds PyTorch"


def test_pytorch_is_taken_before_a_graph_beside_it(exported, copy):
    shutil.copy(exported / "model.onnx", copy)
    assert "run by torch" in verify(exported, copy).original


def test_other_weights_do_not_pass(exported, copy):
    model = transformers.AutoModelForSequenceClassification.from_pretrained(copy)
    with torch.no_grad():
        model.classifier.weight.mul_(1.01)
    model.save_pretrained(copy)
    (failure,) = verify(exported, copy).failures
    assert "the largest difference of a logit is" in failure


def test_two_logits(exported, tmp_path):
    two = checkpoint(tmp_path / "two", num_labels=2)
    assert not verify(exported, two).passed
    three = checkpoint(tmp_path / "three", num_labels=3)
    assert "gives 3 logits for a pair" in fails(exported, three)


def test_half_precision_weights_are_run_in_fp32(exported, copy):
    model = transformers.AutoModelForSequenceClassification.from_pretrained(copy)
    model.half().save_pretrained(copy)
    _, comparison = compared(exported, copy)
    assert 1e-4 < comparison.largest < 0.05


def test_a_checkpoint_without_a_head(exported, copy):
    transformers.AutoModel.from_pretrained(copy).save_pretrained(copy)
    assert "it has no weights for classifier.bias, classifier.weight" in fails(exported, copy)


def test_rows_that_are_too_long_for_the_checkpoint(exported, tmp_path):
    short = checkpoint(tmp_path / "short", max_position_embeddings=64)
    assert f"{short} does not run on " in fails(exported, short)


def test_weights_that_are_broken(exported, copy):
    (copy / "model.safetensors").write_bytes(b"broken")
    assert "cannot be loaded by PyTorch" in fails(exported, copy)


def test_code_of_a_checkpoint_is_not_run(exported, copy):
    config = json.loads((copy / "config.json").read_text())
    config |= {"model_type": "ours", "auto_map": {"AutoConfig": "code.Ours"}}
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "code.py").write_text("raise SystemExit('it ran')")
    assert "cannot be loaded by PyTorch" in fails(exported, copy)


def test_a_tokenizer_that_only_transformers_reads(exported, copy):
    """Without a tokenizer.json the ids of transformers' own are compared, if it has one."""
    vocabulary = sorted(TOKENIZER.get_vocab().items(), key=lambda item: item[1])
    (copy / "tokenizer.json").unlink()
    (copy / "vocab.txt").write_text("\n".join(piece for piece, _ in vocabulary))
    (copy / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    checks = {check.name: check.found for check in verify(exported, copy).checks}
    assert checks["ids of both tokenizers"] == "the same"
    (copy / "vocab.txt").write_text("\n".join(reversed([piece for piece, _ in vocabulary])))
    assert "is another" in fails(exported, copy)
    (copy / "vocab.txt").unlink()
    checks = {check.name: check.found for check in verify(exported, copy).checks}
    assert checks["ids of both tokenizers"].startswith("not compared: ")
