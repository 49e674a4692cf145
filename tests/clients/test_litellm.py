"""litellm's rerank, by each provider it has for an API that is spoken here."""

import asyncio

import pytest

litellm = pytest.importorskip("litellm", reason="litellm has an environment of its own")

from tests.clients.texts import BEST, DOCUMENTS, QUERY  # noqa: E402

# Provider and model as litellm writes them, and the base to give it.
PROVIDERS = {
    "cohere/rerank-v3.5": "",
    "jina_ai/jina-reranker-v2": "/v1/rerank",
    "infinity/bundled": "/infinity",
    "hosted_vllm/bundled": "/vllm",
    "voyage/rerank-2": "/v1",
    "huggingface/bundled": "",
    "azure_ai/rerank-v3.5": "",
}


@pytest.mark.parametrize("model", PROVIDERS)
@pytest.mark.parametrize("documents", [True, False])
def test_rerank(server, model, documents):
    reply = litellm.rerank(
        model=model,
        query=QUERY,
        documents=DOCUMENTS,
        top_n=2,
        return_documents=documents,
        api_key=server.key,
        api_base=server.url + PROVIDERS[model],
    )
    assert [hit["index"] for hit in reply.results][:2] == BEST[:2]
    assert all(0 <= hit["relevance_score"] <= 1 for hit in reply.results)


def test_asyncio(server):
    reply = asyncio.run(
        litellm.arerank(
            model="cohere/rerank-v3.5",
            query=QUERY,
            documents=DOCUMENTS,
            api_key=server.key,
            api_base=server.url,
        )
    )
    assert [hit["index"] for hit in reply.results] == BEST


def test_errors_become_its_exceptions(server):
    def ask(key, model):
        litellm.rerank(
            model=model, query=QUERY, documents=DOCUMENTS, api_key=key, api_base=server.url
        )

    with pytest.raises(litellm.AuthenticationError):
        ask("bad", "cohere/rerank-v3.5")
    with pytest.raises(litellm.NotFoundError, match="Model 'none' not found"):
        ask(server.key, "cohere/none")
