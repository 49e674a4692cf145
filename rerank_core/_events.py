"""Log events: a word for what happened, and fields that handlers find on the record.

Loggers are below ``rerank_core`` and never configured here. Fields are counts, names and codes: no event
holds a word of a query or a document.
"""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["CALLS", "ENGINE", "emit"]

CALLS = logging.getLogger("rerank_core.calls")
ENGINE = logging.getLogger("rerank_core.engine")
# Whoever called has the exception: where no log is set up, Python would print it to stderr as well.
CALLS.addHandler(logging.NullHandler())


def emit(logger: logging.Logger, level: int, event: str, **details: Any) -> None:
    """Log ``event``, which is a field of the record itself, as are the details."""
    if logger.isEnabledFor(level):
        words = (f"{name}={value}" for name, value in details.items())
        logger.log(level, "%s", " ".join((event, *words)), extra={"event": event, **details})
