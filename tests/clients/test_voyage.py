"""Voyage's own client."""

import asyncio

import pytest

voyageai = pytest.importorskip("voyageai", reason="Voyage's client has an environment of its own")

from tests.clients.texts import BEST, DOCUMENTS, LONG, QUERY  # noqa: E402

MODEL = "rerank-2"


def client_of(server, kind=voyageai.Client, **options):
    return kind(**{"api_key": server.key, "base_url": server.url + "/v1", **options})


def indexes(result):
    return [hit.index for hit in result.results]


def test_rerank(server):
    result = client_of(server).rerank(QUERY, DOCUMENTS, model=MODEL)
    assert indexes(result) == BEST
    assert [hit.document for hit in result.results] == [DOCUMENTS[index] for index in BEST]
    assert result.total_tokens > 20
    assert indexes(client_of(server).rerank(QUERY, DOCUMENTS, model=MODEL, top_k=1)) == BEST[:1]
    # Without the version in its URL, the client posts to /rerank.
    bare = client_of(server, base_url=server.url)
    assert indexes(bare.rerank(QUERY, DOCUMENTS, model=MODEL)) == BEST


def test_truncation(server):
    client = client_of(server)
    assert indexes(client.rerank(QUERY, [LONG], model=MODEL, truncation=True)) == [0]
    with pytest.raises(voyageai.error.InvalidRequestError, match="maximum token limit of 512"):
        client.rerank(QUERY, [LONG], model=MODEL, truncation=False)


def test_errors_become_its_exceptions(server):
    with pytest.raises(voyageai.error.AuthenticationError):
        client_of(server, api_key="bad").rerank(QUERY, DOCUMENTS, model=MODEL)
    with pytest.raises(voyageai.error.InvalidRequestError, match="Model 'none' not found"):
        client_of(server).rerank(QUERY, DOCUMENTS, model="none")
    with pytest.raises(voyageai.error.InvalidRequestError, match="top_k must be >= 1"):
        client_of(server).rerank(QUERY, DOCUMENTS, model=MODEL, top_k=0)


def test_a_full_server_is_tried_again(narrow):
    with narrow.full(), pytest.raises(voyageai.error.RateLimitError):
        client_of(narrow).rerank(QUERY, DOCUMENTS, model=MODEL)
    with narrow.full(seconds=0.5):
        patient = client_of(narrow, max_retries=3)
        assert indexes(patient.rerank(QUERY, DOCUMENTS, model=MODEL)) == BEST


def test_asyncio(server):
    async def ask():
        return await client_of(server, voyageai.AsyncClient).rerank(QUERY, DOCUMENTS, model=MODEL)

    assert indexes(asyncio.run(ask())) == BEST
