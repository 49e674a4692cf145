"""An exported graph scores as its PyTorch checkpoint does, and is all that is written."""

import json
import logging
import shutil
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="exporting needs PyTorch; the library does not")
pytest.importorskip("optimum.exporters.onnx", reason="exporting needs optimum-onnx")

import onnx  # noqa: E402
import transformers  # noqa: E402

from rerank_core import InvalidArgumentError, Reranker, _core  # noqa: E402
from rerank_core._onnxruntime import find_library  # noqa: E402
from rerank_core.models.prepare.export import export  # noqa: E402
from tests import tolerances  # noqa: E402
from tests.export import checkpoints, scoring  # noqa: E402
from tests.export.scoring import DOCUMENTS, QUERIES, padded, reference, scores  # noqa: E402

# transformers' own, when the tests make and run a model of DeBERTa.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")

FILES = ["config.json", "model.onnx", "tokenizer.json", "tokenizer_config.json"]


@pytest.fixture(scope="module", params=checkpoints.ARCHITECTURES)
def exported(request):
    return scoring.exported(request.param)


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return checkpoints.write(tmp_path_factory.mktemp("bert"))


def test_scores_are_those_of_pytorch(exported):
    checkpoint, out = exported
    wanted = reference(checkpoint)
    assert wanted.std() > 0.1, "or equal scores would prove nothing"
    assert np.abs(scores(out) - wanted).max() <= tolerances.LOGIT_PYTORCH


def test_padding_does_not_matter(exported):
    """Rows padded with zeros, as a GPU's batches are, whatever id the model takes for padding."""
    _, out = exported
    graph = _core.CrossEncoder(
        library=find_library(),
        model=out / "model.onnx",
        provider="CPUExecutionProvider",
        provider_options=[],
    )
    ids, mask, types = padded(out)
    assert np.abs(graph.run(ids, mask, types) - scores(out)).max() <= tolerances.LOGIT_PYTORCH


def test_only_the_outputs_are_there_and_texts_are_the_same_bytes(exported):
    checkpoint, out = exported
    assert sorted(path.name for path in out.iterdir()) == FILES
    assert sorted(path.name for path in out.parent.iterdir()) == ["checkpoint", "out"]
    for name in set(FILES) - {"model.onnx"}:
        assert (out / name).read_bytes() == (checkpoint / name).read_bytes()
    onnx.checker.check_model(out / "model.onnx", full_check=True)


def test_shards(tmp_path, bert, capfd):
    checkpoint = shutil.copytree(bert, tmp_path / "shards")
    (checkpoint / "model.safetensors").unlink()
    model = transformers.BertForSequenceClassification.from_pretrained(bert)
    model.save_pretrained(checkpoint, max_shard_size="20KB")
    assert len(list(checkpoint.glob("*.safetensors"))) > 1
    graphs = [export(path, tmp_path / f"of {path.name}") for path in (bert, checkpoint)]
    assert graphs[0].read_bytes() == graphs[1].read_bytes()
    assert capfd.readouterr() == ("", ""), "not even a progress bar"


def test_weights_beside_the_graph(tmp_path, bert):
    export(bert, tmp_path / "inside")
    graph = export(bert, tmp_path / "beside", external_from=10_000)
    assert sorted(path.name for path in graph.parent.iterdir()) == sorted(
        [*FILES, "model.onnx_data"]
    )
    assert graph.stat().st_size < (graph.parent / "model.onnx_data").stat().st_size
    assert np.array_equal(scores(graph.parent), scores(tmp_path / "inside"))


def test_the_same_bytes_again_and_the_process_as_it_was(tmp_path, bert):
    before = settings_of_the_process()
    graphs = [export(bert, tmp_path / name).read_bytes() for name in "ab"]
    assert graphs[0] == graphs[1]
    assert settings_of_the_process() == before


def settings_of_the_process():
    return (
        torch.get_rng_state().tolist(),
        [logging.getLogger(name).level for name in ("optimum", "transformers", "torch.onnx")],
        transformers.utils.logging.is_progress_bar_enabled(),
        warnings.filters[:],
    )


def test_a_tokenizer_is_made_of_a_vocabulary(tmp_path, caplog):
    """The ids are those of the slow tokenizer that reads vocab.txt."""
    checkpoint = checkpoints.write(tmp_path / "old")
    vocabulary = json.loads((checkpoint / "tokenizer.json").read_bytes())["model"]["vocab"]
    (checkpoint / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.get)))
    (checkpoint / "tokenizer.json").unlink()
    settings = {"tokenizer_class": "BertTokenizer", "mask_token": "[UNK]"}  # there is no [MASK]
    (checkpoint / "tokenizer_config.json").write_text(json.dumps(settings))
    out = export(checkpoint, tmp_path / "out").parent
    assert "has no tokenizer.json; transformers made one" in caplog.text
    slow = transformers.BertTokenizer.from_pretrained(checkpoint)
    with Reranker(out) as reranker:
        assert reranker.tokenizer.native
        row = reranker.tokenizer.encode_pairs(QUERIES[0], DOCUMENTS[:1])
    assert row.ids.tolist() == slow(QUERIES[0], DOCUMENTS[0])["input_ids"]


def test_out_may_be_an_empty_directory_but_no_other(tmp_path, bert):
    out = tmp_path / "new" / "out"
    out.mkdir(parents=True)
    export(bert, out)
    before = sorted(out.iterdir())
    with pytest.raises(InvalidArgumentError, match="out is there already; give a directory"):
        export(bert, out)
    assert sorted(out.iterdir()) == before
