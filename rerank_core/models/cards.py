"""Model cards: what a served name promises, whatever weights answer under it.

Fields and values are those of Pinecone's list of models (docs.pinecone.io, list_models, 2025-04);
cohere-rerank-4-fast, which that page does not list yet, is from its own page.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rerank_core.errors import InvalidArgumentError, InvalidTypeError, UnknownParameterError
from rerank_core.results import ModelInfo, SupportedParameter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["CARDS", "ModelCard", "card_for_weights"]

# Every key that some model takes, in the order in which Pinecone's server names them.
_PARAMETERS = ("truncate", "max_chunks_per_doc", "max_tokens_per_doc")


@dataclass(frozen=True)
class ModelCard:
    """The limits of a served name.

    Attributes:
        info: What list_models says of it; its parameters and their ranges are checked from this.
        max_rank_fields: Fields that may be ranked by, or None for any number.
        max_pair_tokens: Tokens of query + document, over all chunks; None leaves it to the weights.
    """

    info: ModelInfo
    max_rank_fields: int | None
    max_pair_tokens: int | None

    def check_documents(self, count: int) -> None:
        """Raise InvalidArgumentError if a request has more documents than the model takes."""
        limit = self.info.max_batch_size
        if limit is not None and count > limit:
            raise InvalidArgumentError(
                f"Document length '{count}' exceeded documents limit of {limit}"
            )

    def check_rank_fields(self, rank_fields: Sequence[str]) -> None:
        """Raise InvalidArgumentError if the model cannot rank by so many fields."""
        if self.max_rank_fields == 1 and len(rank_fields) != 1:
            raise InvalidArgumentError(
                f"Only one rank field is supported for model {self.info.model}, got "
                f"{list(rank_fields)}"
            )

    def settings(self, parameters: Mapping[str, Any] | None) -> dict[str, Any]:
        """Give the value of each parameter that this model supports, after checking what was given.

        Raises:
            UnknownParameterError: No model has this parameter.
            InvalidArgumentError: This model does not, or the value is not allowed.
            InvalidTypeError: parameters is not a mapping, or a value has the wrong type.
        """
        if parameters is None:
            parameters = {}
        if not hasattr(parameters, "items"):
            raise InvalidTypeError(f"parameters must be a mapping, got {type(parameters).__name__}")
        supported = {item.parameter: item for item in self.info.supported_parameters}
        for name in parameters:
            if name not in _PARAMETERS:
                expected = ", ".join(f"`{known}`" for known in _PARAMETERS)
                raise UnknownParameterError(
                    f"parameters: unknown field `{name}`, expected one of {expected}"
                )
            if name not in supported:
                raise InvalidArgumentError(
                    f"Parameter '{name}' is not supported for model '{self.info.model}'"
                )
        return {
            name: _checked(item, parameters[name]) if name in parameters else item.default
            for name, item in supported.items()
        }


_VALUE_TYPES: dict[str, type[Any]] = {"string": str, "integer": int}


def _checked(item: SupportedParameter, value: Any) -> Any:
    if item.value_type == "integer" and hasattr(value, "__index__"):
        value = value if isinstance(value, bool) else operator.index(value)  # NumPy's, too
    wanted = _VALUE_TYPES[item.value_type]
    if not isinstance(value, wanted) or isinstance(value, bool):  # True is no integer
        raise InvalidTypeError(
            f"parameter '{item.parameter}' must be of type {item.value_type}, got "
            f"{type(value).__name__}"
        )
    if item.allowed_values is not None and value not in item.allowed_values:
        choices = ", ".join(f"'{allowed}'" for allowed in item.allowed_values)
        raise InvalidArgumentError(
            f"parameter '{item.parameter}' must be one of {choices}, got '{value}'"
        )
    if item.min is not None and value < item.min:
        raise InvalidArgumentError(
            f"parameter '{item.parameter}' must be at least {item.min}, got {value}"
        )
    if item.max is not None and value > item.max:
        raise InvalidArgumentError(
            f"parameter '{item.parameter}' must be at most {item.max}, got {value}"
        )
    return value


def _truncate(default: str) -> SupportedParameter:
    return SupportedParameter(
        parameter="truncate",
        type="one_of",
        value_type="string",
        required=False,
        default=default,
        allowed_values=("END", "NONE"),
    )


def _integer(
    name: str, *, default: int | None = None, maximum: int | None = None
) -> SupportedParameter:
    return SupportedParameter(
        parameter=name,
        type="numeric_range",
        value_type="integer",
        required=False,
        default=default,
        min=1,
        max=maximum,
    )


def _card(
    model: str,
    description: str,
    provider: str,
    parameters: tuple[SupportedParameter, ...],
    *,
    tokens: int,
    documents: int,
    rank_fields: int | None,
) -> ModelCard:
    info = ModelInfo(
        model=model,
        short_description=description,
        type="rerank",
        supported_parameters=parameters,
        modality="text",
        max_sequence_length=tokens,
        max_batch_size=documents,
        provider_name=provider,
    )
    return ModelCard(info, max_rank_fields=rank_fields, max_pair_tokens=tokens)


CARDS: dict[str, ModelCard] = {
    card.info.model: card
    for card in (
        _card(
            "bge-reranker-v2-m3",
            "A high-performance, multilingual reranking model that works well on messy data and "
            "short queries expected to return medium-length passages of text (1-2 paragraphs)",
            "BAAI",
            (_truncate("NONE"),),
            tokens=1024,
            documents=100,
            rank_fields=1,
        ),
        _card(
            "cohere-rerank-3.5",
            "Cohere's leading reranking model, balancing performance and latency for a wide range "
            "of enterprise search applications.",
            "Cohere",
            (_integer("max_chunks_per_doc", default=3072, maximum=3072),),
            tokens=40000,
            documents=200,
            rank_fields=None,
        ),
        _card(
            "cohere-rerank-4-fast",
            "Cohere's fast reranking model for long documents and documents with several fields.",
            "Cohere",
            (_integer("max_tokens_per_doc", default=1024, maximum=4096),),
            tokens=8192,
            documents=250,
            rank_fields=None,
        ),
        _card(
            "pinecone-rerank-v0",
            "A state of the art reranking model that out-performs competitors on widely accepted "
            "benchmarks. It can handle chunks up to 512 tokens (1-2 paragraphs)",
            "Pinecone",
            (_truncate("END"),),
            tokens=512,
            documents=100,
            rank_fields=1,
        ),
    )
}


def card_for_weights(name: str, max_length: int) -> ModelCard:
    """Give the card of weights served under a name of their own: every parameter, no caps.

    Args:
        name: The served name.
        max_length: Tokens that a row of these weights may have.
    """
    info = ModelInfo(
        model=name,
        short_description="Weights on this machine, served under a name of their own.",
        type="rerank",
        supported_parameters=(
            _truncate("END"),
            _integer("max_chunks_per_doc"),
            _integer("max_tokens_per_doc"),
        ),
        modality="text",
        max_sequence_length=max_length,
        max_batch_size=None,
        provider_name="local",
    )
    return ModelCard(info, max_rank_fields=None, max_pair_tokens=None)
