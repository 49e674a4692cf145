"""Pinecone's own client, 8.1.2 and 10.2.0, sync and async: what it is documented to do, it does here."""

import asyncio
import time
from importlib.metadata import version

import pytest

pinecone = pytest.importorskip("pinecone", reason="Pinecone's client has an environment of its own")

from tests.clients.texts import BEST, DOCUMENTS, LONG, QUERY  # noqa: E402

MODEL = "bge-reranker-v2-m3"
NEW = int(version("pinecone").split(".")[0]) >= 10
OBJECTS = [{"id": f"vec{i}", "text": text} for i, text in enumerate(DOCUMENTS)]
if int(version("pinecone").split(".")[0]) < 8:
    pytest.skip("the clients that are tested are 8 and newer", allow_module_level=True)

from pinecone.exceptions import NotFoundException, UnauthorizedException  # noqa: E402


@pytest.fixture
def inference(server):
    return pinecone.Pinecone(api_key=server.key, host=server.url).inference


def indexes(result):
    return [hit.index for hit in result.data]


def names(models):
    """Of a list of models, whose own names() is all None in 8."""
    return [info.model for info in models.models]


def test_the_example_of_the_documents(inference):
    """Pinecone's page "Rerank documents", which names everything."""
    documents = [
        {
            "id": "vec1",
            "text": "Apple is a popular fruit known for its sweetness and crisp texture.",
        },
        {"id": "vec2", "text": "Many people enjoy eating apples as a healthy snack."},
        {
            "id": "vec3",
            "text": "Apple Inc. has revolutionized the tech industry with its sleek designs and "
            "user-friendly interfaces.",
        },
        {"id": "vec4", "text": "An apple a day keeps the doctor away, as the saying goes."},
    ]
    result = inference.rerank(
        model=MODEL,
        query="The tech company Apple is known for its innovative products like the iPhone.",
        documents=documents,
        top_n=4,
        return_documents=True,
        parameters={"truncate": "END"},
    )
    assert result.model == MODEL
    assert result.data[0]["document"]["id"] == "vec3"
    assert sorted(indexes(result)) == [0, 1, 2, 3]
    scores = [hit.score for hit in result.data]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert result.usage.rerank_units == 1


def test_strings_fields_and_top_n(inference):
    assert indexes(inference.rerank(MODEL, QUERY, DOCUMENTS)) == BEST
    by_field = inference.rerank(
        MODEL, QUERY, [{"body": text} for text in DOCUMENTS], rank_fields=["body"], top_n=2
    )
    assert indexes(by_field) == BEST[:2]
    more = inference.rerank(MODEL, QUERY, DOCUMENTS, top_n=50)
    assert indexes(more) == BEST
    cohere = inference.rerank(
        "cohere-rerank-3.5",
        QUERY,
        [{"title": text, "text": ""} for text in DOCUMENTS],
        rank_fields=["title", "text"],
        parameters={"max_chunks_per_doc": 2},
    )
    assert indexes(cohere)[0] == 1


def test_without_documents(inference):
    result = inference.rerank(MODEL, QUERY, DOCUMENTS, return_documents=False)
    assert [hit.document for hit in result.data] == [None] * 3 if NEW else indexes(result) == BEST


def test_models(inference):
    models = inference.list_models(type="rerank")
    assert MODEL in names(models)
    found = inference.get_model(model_name=MODEL)
    assert (found.max_sequence_length, found.max_batch_size) == (1024, 100)
    assert found.provider_name == "BAAI"
    assert found.supported_parameters[0].parameter == "truncate"
    if NEW:
        assert found.supported_parameters[0].allowed_values == ["END", "NONE"]
        assert inference.model.get(MODEL).model == MODEL
        assert MODEL in inference.model.list().names()
        assert (
            indexes(inference.rerank(inference.RerankModel.Bge_Reranker_V2_M3, QUERY, OBJECTS))
            == BEST
        )
    assert names(inference.list_models(type="embed")) == []


def test_errors_become_its_exceptions(inference, server):
    bad = pinecone.exceptions.PineconeApiException
    good = {"model": MODEL, "query": QUERY, "documents": OBJECTS}
    with pytest.raises(NotFoundException, match="Model 'unknown-model' not found"):
        inference.rerank("unknown-model", QUERY, DOCUMENTS)
    with pytest.raises(NotFoundException):
        inference.get_model(model_name="unknown-model")
    with pytest.raises(UnauthorizedException, match="Invalid API key"):
        pinecone.Pinecone(api_key="bad", host=server.url).inference.rerank(MODEL, QUERY, OBJECTS)
    for message, arguments in (
        ("query.document pair with", {"documents": [LONG]}),
        ("Parameter 'max_chunks_per_doc' is not", {"parameters": {"max_chunks_per_doc": 2}}),
        ("unknown field `nothing`", {"parameters": {"nothing": 2}}),
        ("field 'body' not found in document at index 0", {"rank_fields": ["body"]}),
        ("Only one rank field is supported", {"rank_fields": ["id", "text"]}),
        ("exceeded documents limit of 100", {"documents": ["a"] * 101}),
    ):
        with pytest.raises(bad, match=message):
            inference.rerank(**{**good, **arguments})


def test_a_full_server_is_tried_again(narrow):
    client = pinecone.Pinecone(api_key=narrow.key, host=narrow.url)
    with narrow.full(seconds=0.5):
        start = time.monotonic()
        assert indexes(client.inference.rerank(MODEL, QUERY, DOCUMENTS)) == BEST
        assert time.monotonic() - start > 0.9, "it waits for as long as Retry-After says"


def test_asyncio(server):
    kind = pinecone.AsyncPinecone if NEW else pinecone.PineconeAsyncio

    async def ask():
        async with kind(api_key=server.key, host=server.url) as client:
            results = await asyncio.gather(
                *(client.inference.rerank(MODEL, QUERY, DOCUMENTS, top_n=n) for n in (1, 2, 3))
            )
            models = await client.inference.list_models(type="rerank")
            found = await client.inference.get_model(model_name=MODEL)
            with pytest.raises(NotFoundException):
                await client.inference.rerank("unknown-model", QUERY, DOCUMENTS)
            return results, models, found

    results, models, found = asyncio.run(ask())
    assert [indexes(result) for result in results] == [BEST[:1], BEST[:2], BEST]
    assert found.model in names(models)


def test_a_prefix_of_the_host_names_the_dialect(server):
    client = pinecone.Pinecone(api_key=server.key, host=server.url + "/pinecone")
    assert indexes(client.inference.rerank(MODEL, QUERY, DOCUMENTS)) == BEST


def test_the_environment_points_at_the_server(server, monkeypatch):
    monkeypatch.setenv("PINECONE_CONTROLLER_HOST", server.url)
    monkeypatch.setenv("PINECONE_API_KEY", server.key)
    assert indexes(pinecone.Pinecone().inference.rerank(MODEL, QUERY, DOCUMENTS)) == BEST
