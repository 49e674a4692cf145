import dataclasses
import json

import pytest

from rerank_core import ModelInfoList, RankedDocument, RerankResult, RerankUsage
from rerank_core.models.cards import CARDS

RESULT = RerankResult(
    model="m",
    data=(RankedDocument(2, 0.75, {"text": "a", "n": 1}), RankedDocument(0, 0.25, {"text": "b"})),
    usage=RerankUsage(1, total_tokens=12),
    truncated=(2,),
)
JSON = {
    "model": "m",
    "data": [
        {"index": 2, "score": 0.75, "document": {"text": "a", "n": 1}},
        {"index": 0, "score": 0.25, "document": {"text": "b"}},
    ],
    "usage": {"rerank_units": 1},
}


def test_attributes_and_items():
    assert RESULT["data"][0]["score"] == RESULT.data[0].score == 0.75
    assert RESULT["usage"]["rerank_units"] == RESULT.usage.rerank_units == 1
    assert RESULT.data[0].get("document") == {"text": "a", "n": 1}
    assert RESULT.data[0].get("nothing", 5) == 5
    assert "score" in RESULT.data[0]
    assert dict(RESULT.data[1].items()) == {"index": 0, "score": 0.25, "document": {"text": "b"}}


def test_to_dict_is_the_rest_json():
    assert RESULT.to_dict() == JSON
    assert json.loads(json.dumps(RESULT.to_dict())) == JSON


def test_a_document_not_asked_for_is_absent_not_null():
    hit = RankedDocument(0, 0.5)
    assert hit.document is None
    assert hit.keys() == ["index", "score"]
    assert hit.to_dict() == {"index": 0, "score": 0.5}
    with pytest.raises(KeyError, match="document"):
        hit["document"]


def test_results_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        RESULT.data[0].score = 1.0  # type: ignore[misc]


def test_repr_reads():
    assert repr(RESULT) == (
        "RerankResult(model='m', count=2, usage=RerankUsage(rerank_units=1, total_tokens=12), "
        "truncated=[2])\n"
        "  0.750000  [2]  {'text': 'a', 'n': 1}\n"
        "  0.250000  [0]  {'text': 'b'}"
    )


def test_repr_of_a_long_ranking_is_short():
    hits = tuple(RankedDocument(i, 0.5, "word " * 100) for i in range(12))
    lines = repr(RerankResult("m", hits, RerankUsage(1))).splitlines()
    assert len(lines) == 12
    assert lines[-1] == "  and 2 more"
    assert lines[1] == "  0.500000  [0]  " + ("word " * 20)[:57] + "..."


def test_model_info_list():
    models = ModelInfoList(tuple(card.info for card in CARDS.values()))
    assert models[0] is models.models[0] is models["models"][0] is next(iter(models))
    assert len(models) == 4
    assert models[0] in models
    assert "bge-reranker-v2-m3" in models
    assert "models" not in models
    assert models[1:] == models.models[1:]
    assert models.names()[0] == "bge-reranker-v2-m3"
    assert models.to_dict()["models"][0]["model"] == "bge-reranker-v2-m3"
