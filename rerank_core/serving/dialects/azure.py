"""Cohere's models on Azure AI: Cohere v2, below a path of Azure's own."""

from __future__ import annotations

from dataclasses import replace

from rerank_core.serving.dialects.cohere_v1 import cohere_problem
from rerank_core.serving.dialects.cohere_v2 import RERANK
from rerank_core.serving.dialects.dialect import Dialect

__all__ = ["AZURE"]

AZURE = Dialect(
    name="azure",
    title="Cohere on Azure AI",
    operations=(replace(RERANK, paths=("/providers/cohere/v2/rerank",)),),
    problem=cohere_problem,
)
