"""Servers that many tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.serving import running

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def server() -> Iterator[running.Running]:
    """One that speaks every dialect and asks for no key."""
    with running.serving(max_body_bytes=300_000, max_documents=500) as started:
        yield started
