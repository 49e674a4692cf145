"""What the front door lets in; what it refuses is in tests/safety/test_bad_input.py."""

import numpy as np
import pytest

from rerank_core.request import checked_bytes, checked_documents, checked_positive, texts_of


@pytest.mark.parametrize(
    "documents",
    [["a", "b"], ("a", "b"), np.array(["a", "b"]), np.array(["a", "b"], dtype=object)],
    ids=["list", "tuple", "str array", "object array"],
)
def test_sequences_of_documents(documents):
    assert checked_documents(documents) == ["a", "b"]


def test_documents_stay_the_same_objects():
    first, second = {"text": "a"}, {"text": "b"}
    assert checked_documents((first, second))[1] is second
    assert checked_documents(np.array([first, second], dtype=object))[0] is first


def test_fields_are_joined_in_the_order_given():
    documents = [{"title": "T", "text": "x"}, "plain", {"text": "y", "title": "U", "id": 3}]
    assert texts_of(documents, ["title", "text"], None) == ["T\nx", "plain", "U\ny"]


def test_text_of_takes_any_object():
    assert texts_of([3, None], [], lambda document: f"<{document}>") == ["<3>", "<None>"]


def test_counts_may_be_numpy_integers():
    assert checked_positive("top_n", np.int64(3)) == 3


@pytest.mark.parametrize(
    ("given", "size"),
    [
        (512, 512),
        (np.int64(7), 7),
        ("512", None),
        ("512B", 512),
        ("512MB", 512_000_000),
        ("512 mb", 512_000_000),
        ("1.5GiB", 1_610_612_736),
        ("2TB", 2 * 10**12),
        ("64KiB", 65_536),
    ],
)
def test_bytes(given, size):
    if size is None:
        with pytest.raises(ValueError, match="text such as '512MB'"):
            checked_bytes("memory_limit", given)
    else:
        assert checked_bytes("memory_limit", given) == size
