"""The page at /, by its form and in a real browser."""

import html
import json
import re
import shutil

import pytest

from tests.serving import browser
from tests.serving.running import BEST, DOCUMENTS, QUERY, serving

FORM = {"query": QUERY, "passages": "\n\n".join(DOCUMENTS), "model": "bge-reranker-v2-m3"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def ranked(text):
    """Passages in the order of the page, with the value of each bar."""
    rows = re.findall(r"<meter [^>]*value=([\d.]+)></meter>.*?<span>(.*?)</span>", text)
    return [html.unescape(passage) for _, passage in rows], [float(score) for score, _ in rows]


def test_the_form_is_filled_with_an_example(server):
    page = server.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert page.text.count("<option") == 3
    assert "API key" not in page.text


def test_passages_are_ranked_with_bars(server, bundled):
    page = server.client.post("/", data=FORM)
    passages, scores = ranked(page.text)
    assert passages == [DOCUMENTS[index] for index in BEST]
    expected = [hit.score for hit in bundled.rerank(QUERY, DOCUMENTS).data]
    assert scores == pytest.approx(expected, abs=1e-6)
    assert "<option selected>bge-reranker-v2-m3" in page.text


def test_what_a_person_writes_is_text(server):
    evil = {
        "query": '"><script>1</script>',
        "passages": "<b>bold</b> & {query}",
        "model": "bundled",
    }
    page = server.client.post("/", data=evil)
    assert page.status_code == 200
    assert "<script" not in page.text
    assert "<b>" not in page.text
    assert ranked(page.text)[0] == ["<b>bold</b> & {query}"]


@pytest.mark.parametrize(
    ("form", "status", "message"),
    [
        ({**FORM, "query": " "}, 400, "query must be a non-empty string"),
        ({**FORM, "passages": "\n \n"}, 400, "documents must not be empty"),
        ({**FORM, "model": "none"}, 404, "Model &#x27;none&#x27; not found"),
        (b"query=%ff", 400, "the form cannot be read"),
        (b"&".join([b"a=b"] * 50), 400, "the form cannot be read"),
        (b"x" * 400_000, 413, "The body is larger than 300000 bytes."),
    ],
)
def test_complaints_stand_on_the_page(server, form, status, message):
    data = {"content": form} if isinstance(form, bytes) else {"data": form}
    page = server.client.post("/", **data)
    assert page.status_code == status
    assert f'<p role="alert">{message}' in page.text


def test_a_server_with_keys_asks_for_one_and_never_writes_it_back():
    with serving({"RERANK_CORE_API_KEYS": "sesame"}, access_log=False) as keyed:
        assert 'type="password"' in keyed.get("/").text
        assert keyed.client.post("/", data=FORM).status_code == 401
        page = keyed.client.post("/", data={**FORM, "key": "sesame"})
        assert len(ranked(page.text)[0]) == 3
        assert "sesame" not in page.text


@pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium here; Debian's package is chromium"
)
def test_a_browser_shows_it(server, tmp_path):
    """A person opens the page and presses the button; the best passage has the longest bar."""
    with browser.opened(str(CHROMIUM), tmp_path) as tab:
        tab.go(server.url + "/")
        tab.run(f"document.querySelector('[name=query]').value = {json.dumps(QUERY)}")
        tab.run(f"document.querySelector('[name=passages]').value = {json.dumps(FORM['passages'])}")
        tab.run("document.querySelector('button').click()", loads=True)
        assert tab.run("[...document.querySelectorAll('li span')].map(e => e.innerText)") == [
            DOCUMENTS[index] for index in BEST
        ]
        bars = tab.run("[...document.querySelectorAll('meter')].map(e => e.value)")
        assert bars == sorted(bars, reverse=True)
        width = tab.run("document.querySelector('meter').getBoundingClientRect().width")
        assert width > 50
        assert tab.run("document.documentElement.scrollWidth <= window.innerWidth")
        assert tab.screenshot(tmp_path / "page.png").stat().st_size > 5000
