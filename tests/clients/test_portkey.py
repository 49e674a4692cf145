"""Portkey's own client, with this server as its gateway."""

import pytest

portkey_ai = pytest.importorskip(
    "portkey_ai", reason="Portkey's client has an environment of its own"
)

from portkey_ai.api_resources import exceptions  # noqa: E402

from tests.clients.texts import BEST, DOCUMENTS, LONG, QUERY  # noqa: E402

BODY = {"model": "rerank-v3.5", "query": QUERY, "documents": DOCUMENTS}


def client_of(server, **options):
    told = {"api_key": server.key, "virtual_key": "v", "base_url": server.url + "/v1"}
    return portkey_ai.Portkey(**{**told, **options})


def test_the_example_of_the_documents(server):
    for url in (server.url + "/v1", server.url):  # a self-hosted gateway's has no version
        reply = client_of(server, base_url=url).post("/rerank", **BODY, top_n=2)
        assert [hit["index"] for hit in reply.results] == BEST[:2]
        assert (reply.object, reply.model) == ("list", "rerank-v3.5")
        assert reply.usage["search_units"] == 1


def test_every_field(server):
    documents = [{"title": text, "text": "x"} for text in DOCUMENTS]
    reply = client_of(server, virtual_key=None, provider="pinecone", Authorization="p").post(
        "/rerank",
        **{**BODY, "documents": documents},
        return_documents=True,
        rank_fields=["title"],
        max_tokens_per_doc=20,
        priority=1,
        truncation=True,
        parameters={"max_chunks_per_doc": 2},
    )
    assert [hit["index"] for hit in reply.results] == BEST
    assert reply.results[0]["document"] == documents[1]
    assert reply.provider == "pinecone"


def test_errors_become_its_exceptions(server):
    client = client_of(server, virtual_key=None, provider="pinecone")
    with pytest.raises(exceptions.AuthenticationError):
        client_of(server, api_key="bad").post("/rerank", **BODY)
    with pytest.raises(exceptions.BadRequestError, match=r"pinecone error: .*token limit of 512"):
        client.post("/rerank", **{**BODY, "documents": [LONG]}, truncation=False)
    with pytest.raises(exceptions.NotFoundError, match="Model 'none' not found"):
        client.post("/rerank", **{**BODY, "model": "none"})


def test_a_full_server_is_its_exception(narrow):
    """Portkey's gateway tries again, its client does not."""
    with narrow.full(), pytest.raises(exceptions.RateLimitError):
        client_of(narrow).post("/rerank", **BODY)
