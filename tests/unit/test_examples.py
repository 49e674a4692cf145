"""The bundled model ranks the examples of the providers' own documentation right.

Pinecone's is in tests/test_minimal.py, where a wheel is tried.
"""

import pytest

PORTKEY = (
    "What is the capital of France?",
    [
        "Berlin is the capital of Germany.",
        "Paris is the capital of France.",
        "Madrid is the capital of Spain.",
    ],
    [1],
)
APERTIS = (
    "What is machine learning?",
    [
        "The weather today is sunny.",
        "Machine learning is a subset of artificial intelligence.",
        "Pizza is a popular Italian food.",
        "Deep learning uses neural networks.",
    ],
    [1, 3],
)


@pytest.mark.parametrize(
    ("query", "documents", "best"), [PORTKEY, APERTIS], ids=["Portkey", "Apertis"]
)
def test_best_first(bundled, query, documents, best):
    order = [hit.index for hit in bundled.rerank(query, documents).data]
    assert order[: len(best)] == best
