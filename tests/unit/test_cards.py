"""The cards hold what the customer's page shows: its JSON, literally."""

import pytest

from rerank_core.models.cards import CARDS

TRUNCATE = {
    "parameter": "truncate",
    "type": "one_of",
    "value_type": "string",
    "required": False,
    "allowed_values": ["END", "NONE"],
}
PAGE = [
    {
        "model": "bge-reranker-v2-m3",
        "short_description": "A high-performance, multilingual reranking model that works well on messy "
        "data and short queries expected to return medium-length passages of text (1-2 paragraphs)",
        "type": "rerank",
        "supported_parameters": [{**TRUNCATE, "default": "NONE"}],
        "modality": "text",
        "max_sequence_length": 1024,
        "max_batch_size": 100,
        "provider_name": "BAAI",
    },
    {
        "model": "cohere-rerank-3.5",
        "short_description": "Cohere's leading reranking model, balancing performance and latency for "
        "a wide range of enterprise search applications.",
        "type": "rerank",
        "supported_parameters": [
            {
                "parameter": "max_chunks_per_doc",
                "type": "numeric_range",
                "value_type": "integer",
                "required": False,
                "default": 3072,
                "min": 1,
                "max": 3072,
            }
        ],
        "modality": "text",
        "max_sequence_length": 40000,
        "max_batch_size": 200,
        "provider_name": "Cohere",
    },
    {
        "model": "pinecone-rerank-v0",
        "short_description": "A state of the art reranking model that out-performs competitors on "
        "widely accepted benchmarks. It can handle chunks up to 512 tokens (1-2 paragraphs)",
        "type": "rerank",
        "supported_parameters": [{**TRUNCATE, "default": "END"}],
        "modality": "text",
        "max_sequence_length": 512,
        "max_batch_size": 100,
        "provider_name": "Pinecone",
    },
]


@pytest.mark.parametrize("expected", PAGE, ids=lambda entry: entry["model"])
def test_card_equals_the_page(expected):
    info = CARDS[expected["model"]].info
    assert info.to_dict() == expected
    # What Pinecone's Python client prints beyond the JSON.
    assert info.supported_metrics == ()
    assert info.vector_type is info.default_dimension is info.supported_dimensions is None


def test_rank_fields_of_the_cards():
    many = {name for name, card in CARDS.items() if card.max_rank_fields is None}
    assert many == {"cohere-rerank-3.5", "cohere-rerank-4-fast"}
