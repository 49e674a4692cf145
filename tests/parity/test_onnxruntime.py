"""The whole path against the libraries themselves: tokenizers' pairs, onnxruntime's own session."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import tokenizers as hf

from rerank_core import Reranker
from tests import graphs, models, tolerances

DOCUMENTS = [*models.texts(40, longest=90), "", "x", "東京 " * 400, "river " * 700]
QUERIES = ["silver river", "What is a naïve café in Москва?", "copper " * 40]


def reference(directory, query, documents, *, max_length=512):
    """One padded batch, as a textbook does it."""
    tokenizer = hf.Tokenizer.from_file(str(directory / "tokenizer.json"))
    tokenizer.enable_truncation(max_length, strategy="only_second")
    tokenizer.enable_padding(pad_id=0)
    encodings = tokenizer.encode_batch([(query, document) for document in documents])
    tensors = {
        "input_ids": [encoding.ids for encoding in encodings],
        "attention_mask": [encoding.attention_mask for encoding in encodings],
        "token_type_ids": [encoding.type_ids for encoding in encodings],
    }
    session = onnxruntime.InferenceSession(str(directory / "model.onnx"))
    inputs = {node.name: np.array(tensors[node.name], np.int64) for node in session.get_inputs()}
    return session.run(["logits"], inputs)[0]


@pytest.mark.parametrize("family", models.TOKENIZERS)
@pytest.mark.parametrize("query", QUERIES)
def test_logits_for_every_layout(tmp_path_factory, family, query):
    directory = tmp_path_factory.mktemp("models") / family
    models.write(directory, tokenizer=models.TOKENIZERS[family]())
    with Reranker(directory) as reranker:
        ours = reranker.score(query, DOCUMENTS, raw_scores=True)
    np.testing.assert_allclose(
        ours, reference(directory, query, DOCUMENTS)[:, 0], atol=tolerances.LOGIT_SAME_GRAPH, rtol=0
    )


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(
            graphs.Shape(vocab=400, inputs=("input_ids", "attention_mask")), id="no type ids"
        ),
        pytest.param(graphs.Shape(vocab=400, labels=2), id="two logits"),
        pytest.param(graphs.Shape(vocab=400, half_output=True), id="fp16 logits"),
    ],
)
def test_logits_for_every_graph(tmp_path, shape):
    directory = models.write(tmp_path / "m", graph=graphs.bert(shape))
    expected = reference(directory, QUERIES[0], DOCUMENTS).astype(np.float32)
    with Reranker(directory) as reranker:
        logits = reranker.score(QUERIES[0], DOCUMENTS, raw_scores=True)
        scores = reranker.score(QUERIES[0], DOCUMENTS)
    expected = expected[:, 1] - expected[:, 0] if shape.labels == 2 else expected[:, 0]
    # Half precision has eleven bits.
    tolerance = 2e-3 if shape.half_output else tolerances.LOGIT_SAME_GRAPH
    np.testing.assert_allclose(logits, expected, atol=tolerance, rtol=0)
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-expected)), atol=tolerance, rtol=0)


def test_logits_without_a_mask(tmp_path):
    """Nothing may be padded then; the reference runs each document alone, too."""
    shape = graphs.Shape(vocab=400, inputs=("input_ids",))
    directory = models.write(tmp_path / "m", graph=graphs.bert(shape))
    with Reranker(directory) as reranker:
        ours = reranker.score(QUERIES[0], DOCUMENTS, raw_scores=True)
    expected = [reference(directory, QUERIES[0], [document])[0, 0] for document in DOCUMENTS]
    np.testing.assert_allclose(ours, expected, atol=tolerances.LOGIT_SAME_GRAPH, rtol=0)


def test_two_logits_score_as_softmax(tmp_path):
    values = np.array([[0.5, 1.5], [3.0, -2.0], [-1.0, -1.0]] * 200)
    directory = models.write(tmp_path / "m", graph=graphs.table(values, labels=2))
    with Reranker(directory) as reranker:
        (score,) = reranker.score("query", ["document"])
    # Every row ends with the separator, id 3: the first of the three again.
    assert score == pytest.approx(np.exp(1.5) / (np.exp(0.5) + np.exp(1.5)), abs=1e-7)


def test_bundled_model():
    with Reranker() as reranker:
        directory = Path(reranker.info.path)
        documents = [text.lower() for text in DOCUMENTS]
        ours = reranker.score("bread recipe", documents, raw_scores=True)
        expected = np.concatenate(
            [reference(directory, "bread recipe", [text])[:, 0] for text in documents]
        )
    np.testing.assert_allclose(ours, expected, atol=tolerances.LOGIT_SAME_GRAPH, rtol=0)
