"""The bundled model's graph before it learns is BM25, and its parts are what they are said to be."""

import random

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch; the library does not")

from training import batches, export, model  # noqa: E402

PIECES, CLASSES = 60, 50


@pytest.fixture
def scorer():
    torch.manual_seed(0)
    made = model.Scorer(model.Shape(PIECES, CLASSES, 9, neighbours=16, translations=8))
    made.classes.copy_(torch.arange(PIECES) % CLASSES)  # pieces 50 to 59 share stems with 0 to 9
    made.weights.copy_(torch.linspace(0.5, 6, PIECES))
    with torch.no_grad():
        made.neighbours.normal_()
    made.translations[1:].normal_()
    made.translated.copy_(torch.arange(CLASSES) % 9)
    return made.eval()


def trained(scorer):
    with torch.no_grad():
        for parameter in scorer.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return scorer


def pairs(count, seed=0):
    rng = np.random.default_rng(seed)
    return [
        (rng.integers(5, PIECES, rng.integers(1, 9)), rng.integers(5, PIECES, rng.integers(1, 40)))
        for _ in range(count)
    ]


def test_starts_as_bm25(scorer):
    for query, passage in pairs(20):
        classes = np.arange(PIECES) % CLASSES
        weights = np.linspace(0.5, 6, PIECES)
        b = 1 / (1 + np.exp(-1.1))
        k = 1.2 * (1 - b + b * len(passage) / 130)
        score = 0.0
        for piece in query:
            frequency = (classes[passage] == classes[piece]).sum()
            score += weights[piece] * frequency / (frequency + k)
        score *= 3 / np.sqrt(weights[query].sum())
        with torch.inference_mode():
            got = scorer(*batches.collate([(query, passage)], 512)).item()
        assert got == pytest.approx(score, rel=1e-4)


def test_padding_and_company_change_nothing(scorer):
    trained(scorer)
    many = pairs(12)
    with torch.inference_mode():
        together = scorer(*batches.collate(many, 512))
        alone = torch.cat([scorer(*batches.collate([pair], 512)) for pair in many])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


def test_the_exported_graph_computes_the_same(scorer, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    trained(scorer)
    tokenizer = tmp_path / "made.json"
    tokenizer.write_text("{}")
    export.export(scorer, tokenizer, tmp_path / "out")
    session = onnxruntime.InferenceSession(tmp_path / "out/model.onnx")
    compact = export.Compact(scorer).eval()
    for seed, count in ((1, 1), (2, 7)):
        tensors = batches.collate(pairs(count, seed), 512)
        feeds = {name: t.numpy() for name, t in zip(export.INPUTS, tensors, strict=True)}
        with torch.inference_mode():
            wanted, full = compact(*tensors).numpy(), scorer(*tensors).numpy()
        [got] = session.run(None, feeds)
        assert got.shape == (count, 1)
        np.testing.assert_allclose(got, wanted, atol=1e-5)
        np.testing.assert_allclose(got, full, atol=0.1)


@pytest.mark.parametrize("query", [[], [7]])
@pytest.mark.parametrize("passage", [[], [9, 7]])
def test_nothing_to_compare_gives_a_finite_score(scorer, query, passage):
    trained(scorer)
    pair = (np.array(query, int), np.array(passage, int))
    with torch.inference_mode():
        assert np.isfinite(scorer(*batches.collate([pair], 512)).item())


def test_a_positive_loses_shared_words_and_a_decoy_gains_them():
    classes, weights = np.arange(PIECES), np.full(PIECES, 2.0)
    query, passage = np.array([10, 11, 12]), np.array([20, 10, 21, 11, 22, 23, 24, 25])
    bare = batches.without_shared(query, passage, classes, weights, 1.0, random.Random(1))
    assert bare.tolist() == [20, 21, 22, 23, 24, 25]
    decoy = batches.planted(query, np.array([30, 31]), weights, random.Random(1))
    assert set(decoy) & set(query)
    assert [piece for piece in decoy if piece >= 30] == [30, 31]
