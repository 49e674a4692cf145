"""Cohere's own client, of both versions of its API."""

import asyncio
import os
import subprocess
import sys

import pytest

cohere = pytest.importorskip("cohere", reason="Cohere's client has an environment of its own")

from tests.clients.texts import BEST, DOCUMENTS, QUERY  # noqa: E402

MODEL = "rerank-v3.5"


@pytest.fixture
def v1(server):
    return cohere.Client(api_key=server.key, base_url=server.url)


@pytest.fixture
def v2(server):
    return cohere.ClientV2(api_key=server.key, base_url=server.url)


def indexes(result):
    return [hit.index for hit in result.results]


def test_v2(v2):
    result = v2.rerank(model=MODEL, query=QUERY, documents=DOCUMENTS)
    assert indexes(result) == BEST
    assert all(0 <= hit.relevance_score <= 1 for hit in result.results)
    assert result.meta.billed_units.search_units == 1
    assert result.id
    cut = v2.rerank(
        model=MODEL, query=QUERY, documents=DOCUMENTS, top_n=2, max_tokens_per_doc=5, priority=1
    )
    assert len(cut.results) == 2


def test_v1(v1):
    result = v1.rerank(query=QUERY, documents=DOCUMENTS)
    assert indexes(result) == BEST
    assert result.results[0].document is None
    documents = [{"title": text, "text": "x"} for text in DOCUMENTS]
    echoed = v1.rerank(
        model=MODEL,
        query=QUERY,
        documents=documents,
        rank_fields=["title", "text"],
        return_documents=True,
        top_n=2,
        max_chunks_per_doc=2,
    )
    assert indexes(echoed) == BEST[:2]
    assert echoed.results[0].document.text == "x"
    assert result.meta.api_version.version == "1"


def test_errors_become_its_exceptions(v1, v2, server):
    good = {"model": MODEL, "query": QUERY, "documents": DOCUMENTS}
    for client, kind, message, arguments in (
        (v2, cohere.BadRequestError, "list of documents must not be empty", {"documents": []}),
        (v2, cohere.BadRequestError, "query must not be empty", {"query": " "}),
        (
            v1,
            cohere.BadRequestError,
            "document at index 1 cannot be empty",
            {"documents": ["a", ""]},
        ),
        (v1, cohere.BadRequestError, "rank_fields cannot be empty", {"rank_fields": []}),
        (v2, cohere.BadRequestError, "return_top_n is invalid", {"top_n": 0}),
        (v2, cohere.NotFoundError, "Model 'none' not found", {"model": "none"}),
        (
            v2,
            cohere.UnprocessableEntityError,
            "unknown field",
            {"request_options": {"additional_body_parameters": {"top_k": 1}}},
        ),
    ):
        with pytest.raises(kind) as caught:
            client.rerank(**{**good, **arguments})
        assert message in caught.value.body["message"]
    with pytest.raises(cohere.UnauthorizedError):
        cohere.ClientV2(api_key="bad", base_url=server.url).rerank(**good)


def test_a_full_server_is_tried_again(narrow):
    client = cohere.ClientV2(api_key=narrow.key, base_url=narrow.url)
    good = {"model": MODEL, "query": QUERY, "documents": DOCUMENTS}
    with narrow.full(), pytest.raises(cohere.TooManyRequestsError):
        client.rerank(**good, request_options={"max_retries": 0})
    with narrow.full(seconds=0.5):
        assert indexes(client.rerank(**good)) == BEST


def test_asyncio(server):
    async def ask():
        client = cohere.AsyncClientV2(api_key=server.key, base_url=server.url)
        return await asyncio.gather(
            *(client.rerank(model=MODEL, query=QUERY, documents=DOCUMENTS) for _ in range(5))
        )

    assert [indexes(result) for result in asyncio.run(ask())] == [BEST] * 5


def test_a_base_url_with_its_version_does_too(server):
    client = cohere.ClientV2(api_key=server.key, base_url=server.url + "/v1")
    assert indexes(client.rerank(model=MODEL, query=QUERY, documents=DOCUMENTS)) == BEST


def test_the_environment_points_at_the_server(server):
    """It is read when the client is imported."""
    code = f"""if True:
        import cohere
        found = cohere.ClientV2().rerank(model={MODEL!r}, query={QUERY!r}, documents={DOCUMENTS!r})
        print([hit.index for hit in found.results])
    """
    environment = {**os.environ, "CO_API_URL": server.url, "CO_API_KEY": server.key}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(BEST)
