"""Pinecone's face over weights of one's own: what each name lets through, and who loads and closes."""

import asyncio
import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from enum import Enum

import pytest

from rerank_core import (
    ClosedError,
    Inference,
    InvalidTypeError,
    NotFoundError,
    Reranker,
    TokenLimitError,
)
from rerank_core._loading import load
from tests import models

LONG = "bread " * 700 + "copper bridge"


class RerankModel(str, Enum):
    """As pinecone.RerankModel."""

    Bge_Reranker_V2_M3 = "bge-reranker-v2-m3"


@pytest.fixture(scope="module")
def inference(bundled):
    names = (
        "bge-reranker-v2-m3",
        "pinecone-rerank-v0",
        "cohere-rerank-3.5",
        "cohere-rerank-4-fast",
    )
    with Inference(models={**dict.fromkeys(names, bundled), "own": bundled}) as made:
        yield made


def test_strings_come_back_as_documents(inference):
    result = inference.rerank(
        "own", "grass", ["The sky.", {"text": "Grass.", "id": 1}, "Grass grows."]
    )
    assert {hit.index: hit.document for hit in result.data} == {
        0: {"text": "The sky."},
        1: {"text": "Grass.", "id": 1},
        2: {"text": "Grass grows."},
    }


def test_documents_are_absent_when_not_asked_for(inference, bundled):
    result = inference.rerank(
        "own", "grass", ["The sky.", "Grass."], return_documents=False, top_n=1
    )
    assert result.to_dict()["data"] == [{"index": 1, "score": result.data[0].score}]
    raw = bundled.rerank("grass", ["The sky.", "Grass."], return_documents=False)
    assert [hit.document for hit in raw.data] == [None, None]


def test_arguments_by_position(inference):
    """As Pinecone's: model, query, documents, rank_fields, return_documents, top_n, parameters."""
    documents = [{"body": "Grass."}, {"body": LONG}]
    result = inference.rerank(
        "bge-reranker-v2-m3",
        "grass",
        documents,
        ["body"],
        False,  # noqa: FBT003
        1,
        {"truncate": "END"},
    )
    assert [hit.index for hit in result.data] == [0]
    assert result.truncated == (1,)


def test_a_model_may_be_an_enum(inference):
    result = inference.rerank(RerankModel.Bge_Reranker_V2_M3, "grass", ["Grass."])
    assert result.model == "bge-reranker-v2-m3"
    assert inference.get_model(RerankModel.Bge_Reranker_V2_M3).provider_name == "BAAI"


def test_defaults_of_truncate_are_the_cards(inference):
    with pytest.raises(TokenLimitError):
        inference.rerank("bge-reranker-v2-m3", "grass", [LONG])
    assert inference.rerank("pinecone-rerank-v0", "grass", [LONG]).truncated == (0,)
    with pytest.raises(TokenLimitError):
        inference.rerank("pinecone-rerank-v0", "grass", [LONG], parameters={"truncate": "NONE"})


def test_chunks_reach_the_end_of_a_document(inference, bundled):
    start, whole = (
        inference.rerank("cohere-rerank-3.5", "copper bridge", [LONG], parameters=parameters)
        for parameters in ({"max_chunks_per_doc": 1}, None)
    )
    assert (start.truncated, whole.truncated) == ((0,), ())
    assert whole.data[0].score > start.data[0].score
    own = bundled.rerank("copper bridge", [LONG], max_chunks_per_doc=2)
    assert own.data[0].score == whole.data[0].score


def test_tokens_per_document(inference, bundled):
    cut = inference.rerank(
        "cohere-rerank-4-fast", "copper", ["bread copper"], parameters={"max_tokens_per_doc": 1}
    )
    assert cut.truncated == (0,)
    assert (
        cut.data[0].score
        == bundled.score("copper", ["bread"])[0]
        == pytest.approx(
            bundled.rerank("copper", ["bread copper"], max_tokens_per_doc=1).data[0].score
        )
    )


def test_several_fields_in_the_order_given(inference, bundled):
    document = {"title": "Copper", "text": "A bridge."}
    result = inference.rerank(
        "cohere-rerank-3.5", "copper", [document], rank_fields=["title", "text"]
    )
    assert result.data[0].score == pytest.approx(bundled.score("copper", ["Copper\nA bridge."])[0])


def test_text_of_ranks_anything(bundled):
    numbers = [1, 2, 3]
    words = {1: "bread", 2: "copper bridge", 3: "lamp"}
    result = bundled.rerank("copper bridge", numbers, text_of=words.get)
    assert result.data[0].document == 2
    assert bundled.score("q", numbers, text_of=words.get).shape == (3,)


def test_arerank(inference):
    result = asyncio.run(inference.arerank("own", "grass", ["The sky.", "Grass."], top_n=1))
    assert result.data[0].index == 1


def test_models_of_the_namespace(inference):
    assert inference.model.list(type="rerank") == inference.list_models("rerank")
    assert inference.model.get(model_name="own") == inference.get_model("own")
    own = inference.get_model("own")
    assert (own.max_sequence_length, own.max_batch_size, own.provider_name) == (512, None, "local")
    assert "max_batch_size" not in own.to_dict()


def test_one_load_however_many_ask_first(monkeypatch):
    loads = []
    start = threading.Barrier(8)

    def counted(model, **options):
        loads.append(model)
        return load(model, **options)

    monkeypatch.setattr("rerank_core.reranker.load", counted)

    def ask(_):
        start.wait()
        return fresh.rerank("a", "grass", ["Grass."]).data[0].score

    with Inference(models={"a": "bundled", "b": "bundled"}, threads=1) as fresh:
        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(ask, range(8)))) == 1
        fresh.rerank("b", "grass", ["Grass."])  # the same weights
    assert loads == ["bundled"]


def test_to_dict_is_not_the_callers_document(bundled):
    document = {"text": "Grass."}
    bundled.rerank("grass", [document]).to_dict()["data"][0]["document"]["text"] = "changed"
    assert document == {"text": "Grass."}


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_reranker_is_not_copied(bundled, duplicate):
    with pytest.raises(InvalidTypeError, match="cannot be copied or pickled; make one in each"):
        duplicate(bundled)


def test_closing_closes_what_was_made_here_only():
    with Reranker(threads=1) as mine:
        fresh = Inference(models={"mine": mine, "yours": "bundled"}, threads=1)
        assert fresh.weights("mine") == fresh.weights("yours") == mine.info.path
        fresh.rerank("yours", "grass", ["Grass."])
        fresh.close()
        with pytest.raises(ClosedError):
            fresh.rerank("yours", "grass", ["Grass."])
        assert mine.score("grass", ["Grass."]).shape == (1,)


def test_a_hub_id_is_asked_for_when_it_must_be():
    """A name with a card needs its weights when first used, another its limits at once."""
    with Inference(models={"bge-reranker-v2-m3": "org/name"}) as made:
        assert made.weights("bge-reranker-v2-m3") == "org/name"
        with pytest.raises(NotFoundError, match=r"Model 'org/name' not found: .*cannot be reached"):
            made.rerank("bge-reranker-v2-m3", "q", ["a"])
    with pytest.raises(NotFoundError, match=r"Model 'org/name' not found: .*cannot be reached"):
        Inference(models={"mine": "org/name"})


def test_the_limits_of_an_own_name_are_those_of_the_precision_that_is_asked_for(tmp_path):
    directory = models.write(tmp_path, graph_name="model_int8.onnx")
    (directory / "model_fp16.onnx").write_bytes(b"not needed")
    with Inference(models={"mine": directory}, precision="int8", threads=1) as made:
        assert made.get_model("mine").max_sequence_length == 512
        assert len(made.rerank("mine", "q", ["a"]).data) == 1
