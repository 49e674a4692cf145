"""The APIs that a server speaks, one file each."""

from __future__ import annotations

from rerank_core.serving.dialects.apertis import APERTIS
from rerank_core.serving.dialects.azure import AZURE
from rerank_core.serving.dialects.bedrock import BEDROCK
from rerank_core.serving.dialects.cohere_v1 import COHERE_V1
from rerank_core.serving.dialects.cohere_v2 import COHERE_V2
from rerank_core.serving.dialects.infinity import INFINITY
from rerank_core.serving.dialects.jina import JINA
from rerank_core.serving.dialects.pinecone import PINECONE
from rerank_core.serving.dialects.portkey import PORTKEY
from rerank_core.serving.dialects.tei import TEI
from rerank_core.serving.dialects.vllm import VLLM
from rerank_core.serving.dialects.voyage import VOYAGE

__all__ = ["DIALECTS"]

# Where a GET is served by several, the first one answers.
DIALECTS = {
    dialect.name: dialect
    for dialect in (
        PINECONE,
        COHERE_V1,
        COHERE_V2,
        JINA,
        VOYAGE,
        APERTIS,
        PORTKEY,
        TEI,
        VLLM,
        INFINITY,
        BEDROCK,
        AZURE,
    )
}
