"""What a dialect is: requests of one shape in, replies and errors of that shape out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import msgspec

    from rerank_core.errors import RerankError
    from rerank_core.inference import Inference
    from rerank_core.reranker import Reranker
    from rerank_core.results import RerankResult

__all__ = ["Asked", "Catalogue", "Dialect", "Headers", "Lookup", "Operation", "Problem"]

Headers = Mapping[str, str]


@dataclass(frozen=True)
class Asked:
    """What a request wants of `Inference.rerank`, whatever its dialect calls it.

    Attributes:
        model: A served name; None takes the server's default.
        query: The question or search text.
        documents: Strings, or objects whose text is in rank_fields.
        top_n: How many to give; None gives all.
        rank_fields: Fields of a document that is an object.
        parameters: As Pinecone's; what the model does not support is refused.
        truncate: "NONE"; "END", which also means what a model does that has no such parameter; None
            leaves it to the model's card.
        max_pair_tokens: Tokens of query and document together; None takes what the model takes.
        raw_scores: Logits instead of scores from 0 to 1.
        priority: As `Reranker.rerank`'s.
    """

    model: str | None
    query: str
    documents: list[Any]
    top_n: int | None = None
    rank_fields: list[str] = field(default_factory=lambda: ["text"])
    parameters: Mapping[str, Any] = field(default_factory=dict)
    truncate: str | None = "END"
    max_pair_tokens: int | None = None
    raw_scores: bool = False
    priority: int = 0


@dataclass(frozen=True)
class Catalogue:
    """What a look-up may ask of the server.

    Attributes:
        inference: The models by served name, and all names that are known.
        rerankers: What runs behind each served name.
        default_model: The name that answers where a request has none.
        max_documents: Most documents of a request.
        max_concurrent: Most requests at once.
    """

    inference: Inference
    rerankers: Mapping[str, Reranker]
    default_model: str
    max_documents: int
    max_concurrent: int


@dataclass(frozen=True)
class Operation:
    """A POST that ranks.

    Attributes:
        paths: Where it is served; the first one is the provider's own.
        request: Shape of the body.
        reply: Shape of the answer.
        read: What a request wants; headers may say more.
        write: The answer to a request.
    """

    paths: tuple[str, ...]
    request: type[msgspec.Struct]
    reply: Any
    read: Callable[[Any, Headers], Asked]
    write: Callable[[Any, RerankResult, Headers], Any]


@dataclass(frozen=True)
class Lookup:
    """A GET: what is served here.

    Attributes:
        path: Where; ``{name}`` in it stands for the rest of the path.
        reply: Shape of the answer.
        answer: Gives it, from the name in the path and the query's parameters.
        parameters: Names of these, each with the values it may have.
    """

    path: str
    reply: Any
    answer: Callable[[Catalogue, str, Mapping[str, str]], Any]
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """An error as a dialect answers it.

    Attributes:
        status: HTTP's.
        body: JSON, or a plain text.
        headers: In addition to those that every answer has.
    """

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Dialect:
    """One provider's API.

    Attributes:
        name: In the configuration, and as the first segment of a path.
        title: Whose API this is.
        operations: The ways to rank.
        problem: Gives the answer to an error.
        lookups: The ways to see what is served.
        recognises: Whether headers and body bear a mark of its own clients.
        only_marked: Whether it is meant only by requests that bear one.
    """

    name: str
    title: str
    operations: tuple[Operation, ...]
    problem: Callable[[RerankError, Headers], Problem]
    lookups: tuple[Lookup, ...] = ()
    recognises: Callable[[Headers, Mapping[str, Any]], bool] = lambda _headers, _body: False
    only_marked: bool = False
