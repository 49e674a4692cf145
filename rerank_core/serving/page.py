"""The page at /: a form for a query and passages, and what comes of it. Plain HTML, no script."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from rerank_core.errors import InvalidArgumentError
from rerank_core.serving.dialects.dialect import Asked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rerank_core.results import RerankResult

__all__ = ["Form", "read_form", "render"]

_QUERY = "Why is the sky blue?"
_PASSAGES = """\
Yeast gives off gas that makes the dough rise.
Air scatters blue light most, so the sky is blue.
The sea takes its colour from the sky above it.
"""
_MAX_FIELDS = 10


class Form:
    """What stands in the form.

    Args:
        query: The query.
        passages: One a line.
        model: A served name.
        key: The API key, where one is asked for; never written back.
    """

    def __init__(
        self, query: str = _QUERY, passages: str = _PASSAGES, model: str = "", key: str = ""
    ) -> None:
        self.query, self.passages, self.model, self.key = query, passages, model, key

    def asked(self) -> Asked:
        """Give what the form asks for."""
        return Asked(model=self.model or None, query=self.query, documents=self.documents())

    def documents(self) -> list[str]:
        """Give the passages, one for each line that is not blank."""
        return [line.strip() for line in self.passages.splitlines() if line.strip()]


def read_form(body: bytes) -> Form:
    """Give the form that a browser sent.

    Raises:
        InvalidArgumentError: It is none.
    """
    try:
        fields = parse_qs(
            body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict"
        )
    except ValueError:  # UnicodeDecodeError is one
        raise InvalidArgumentError("the form cannot be read") from None
    values = {name: fields.get(name, [""])[0] for name in ("query", "passages", "model", "key")}
    return Form(**values)


def render(
    form: Form,
    models: Sequence[str],
    *,
    asks_for_key: bool,
    result: RerankResult | None = None,
    error: str = "",
) -> str:
    """Give the page.

    Args:
        form: What stands in it.
        models: Served names to choose from.
        asks_for_key: Whether the server has keys.
        result: What came of it.
        error: What went wrong instead.
    """
    options = "".join(
        f"<option{' selected' if name == form.model else ''}>{escape(name)}</option>"
        for name in models
    )
    key = (
        '<label>API key <input type="password" name="key" autocomplete="off" required></label>'
        if asks_for_key
        else ""
    )
    outcome = f'<p role="alert">{escape(error)}</p>' if error else ""
    if result is not None:
        outcome = _ranking(form.documents(), result)
    return _PAGE.format(
        query=escape(form.query),
        passages=escape(form.passages),
        options=options,
        key=key,
        outcome=outcome,
    )


def _ranking(documents: Sequence[str], result: RerankResult) -> str:
    rows = "".join(
        f"<li><meter min=0 max=1 value={hit.score:.6f}></meter> <output>{hit.score:.4f}</output> "
        f"<span>{escape(documents[hit.index])}</span></li>"
        for hit in result.data
    )
    cut = (
        f"<p>{len(result.truncated)} of them were too long for the model and were cut.</p>"
        if result.truncated
        else ""
    )
    return f"<h2>Ranking</h2><ol>{rows}</ol>{cut}"


_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>rerank-core</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.4rem; }}
h2 {{ font-size: 1.1rem; margin-top: 2rem; }}
label {{ display: block; margin-bottom: 1rem; }}
input, textarea, select {{ box-sizing: border-box; display: block; width: 100%; padding: .5rem; font: inherit; }}
button {{ font: inherit; padding: .5rem 1.5rem; }}
ol {{ list-style: none; padding: 0; }}
li {{ display: grid; grid-template-columns: 8rem 4rem 1fr; gap: .75rem; padding: .4rem 0; align-items: baseline; }}
li span {{ overflow-wrap: anywhere; }}
meter {{ width: 100%; }}
output {{ font-variant-numeric: tabular-nums; text-align: right; }}
[role=alert] {{ border-left: .3rem solid #c33; padding: .5rem 1rem; }}
</style>
<h1>rerank-core</h1>
<form method="post" action="">
<label>Query <input name="query" value="{query}" required></label>
<label>Passages, one a line <textarea name="passages" rows="8" required>
{passages}</textarea></label>
<label>Model <select name="model">{options}</select></label>
{key}
<button>Rank</button>
</form>
{outcome}
</html>
"""
