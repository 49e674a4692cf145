"""LangChain's and LlamaIndex's rerankers, each over the client that it brings."""

import pytest

pytest.importorskip("langchain_pinecone", reason="frameworks have an environment of their own")

from langchain_cohere import CohereRerank as LangChainCohere
from langchain_core.documents import Document
from langchain_pinecone import PineconeRerank
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.postprocessor.cohere_rerank import CohereRerank
from llama_index.postprocessor.jinaai_rerank import JinaRerank
from llama_index.postprocessor.pinecone_native_rerank import PineconeNativeRerank
from llama_index.postprocessor.tei_rerank import TextEmbeddingInference
from llama_index.postprocessor.voyageai_rerank import VoyageAIRerank
from pinecone import Pinecone

from tests.clients.texts import BEST, DOCUMENTS, QUERY

MODEL = "bge-reranker-v2-m3"


@pytest.fixture
def pointed(server, monkeypatch):
    """The environment of clients that cannot be told where to go."""
    monkeypatch.setenv("PINECONE_CONTROLLER_HOST", server.url)
    monkeypatch.setenv("PINECONE_API_KEY", server.key)
    return server


def test_langchain_pinecone(pointed):
    reranker = PineconeRerank(
        model=MODEL, top_n=2, client=Pinecone(host=pointed.url, api_key=pointed.key)
    )
    documents = [Document(text, metadata={"page": i}) for i, text in enumerate(DOCUMENTS)]
    found = reranker.compress_documents(documents, QUERY)
    assert [document.page_content for document in found] == [DOCUMENTS[i] for i in BEST[:2]]
    hits = reranker.rerank(DOCUMENTS, QUERY)
    assert [hit["index"] for hit in hits] == BEST[:2]


def test_langchain_cohere(server):
    import cohere

    client = cohere.ClientV2(api_key=server.key, base_url=server.url)
    reranker = LangChainCohere(client=client, model="rerank-v3.5", top_n=2)
    hits = reranker.rerank(DOCUMENTS, QUERY)
    assert [hit["index"] for hit in hits] == BEST[:2]


def ranked(reranker):
    nodes = [NodeWithScore(node=TextNode(text=text), score=0.0) for text in DOCUMENTS]
    found = reranker.postprocess_nodes(nodes, QueryBundle(QUERY))
    return [DOCUMENTS.index(hit.node.get_content()) for hit in found]


def test_llama_index_cohere(server):
    made = CohereRerank(top_n=2, model="rerank-v3.5", api_key=server.key, base_url=server.url)
    assert ranked(made) == BEST[:2]


def test_llama_index_jina(server):
    made = JinaRerank(
        top_n=2, model="jina-reranker-v2", api_key=server.key, base_url=server.url + "/v1"
    )
    assert ranked(made) == BEST[:2]


def test_llama_index_tei(server):
    made = TextEmbeddingInference(
        top_n=2, base_url=server.url, auth_token=f"Bearer {server.key}", model_name="bundled"
    )
    assert ranked(made) == BEST[:2]


def test_llama_index_pinecone(pointed):
    assert ranked(PineconeNativeRerank(top_n=2, model=MODEL, api_key=pointed.key)) == BEST[:2]


def test_llama_index_voyage(server):
    made = VoyageAIRerank(model="rerank-2", api_key=server.key, top_n=2)
    made._client._params["base_url"] = server.url + "/v1"
    assert ranked(made) == BEST[:2]
