"""rerank_core: documents ranked for a query by a cross-encoder, natively."""

from rerank_core.errors import (
    ClosedError,
    DeadlineExceededError,
    EngineError,
    FailedPreconditionError,
    InvalidArgumentError,
    InvalidTypeError,
    MissingFieldError,
    ModelError,
    NotFoundError,
    ProviderError,
    RerankError,
    ResourceExhaustedError,
    TokenLimitError,
    UnknownParameterError,
)
from rerank_core.inference import Inference
from rerank_core.reranker import Reranker
from rerank_core.results import (
    EngineStats,
    ModelInfo,
    ModelInfoList,
    RankedDocument,
    RerankerInfo,
    RerankResult,
    RerankUsage,
    SupportedParameter,
)
from rerank_core.tokenizer import Encoded, Tokenizer

__version__ = "0.1.0"

__all__ = [
    "ClosedError",
    "DeadlineExceededError",
    "Encoded",
    "EngineError",
    "EngineStats",
    "FailedPreconditionError",
    "Inference",
    "InvalidArgumentError",
    "InvalidTypeError",
    "MissingFieldError",
    "ModelError",
    "ModelInfo",
    "ModelInfoList",
    "NotFoundError",
    "ProviderError",
    "RankedDocument",
    "RerankError",
    "RerankResult",
    "RerankUsage",
    "Reranker",
    "RerankerInfo",
    "ResourceExhaustedError",
    "SupportedParameter",
    "TokenLimitError",
    "Tokenizer",
    "UnknownParameterError",
]
