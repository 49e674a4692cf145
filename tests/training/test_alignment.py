"""Words are linked to their translations, and words with the same translations are alike."""

import numpy as np
import pytest

pytest.importorskip("scipy", reason="training needs SciPy; the library does not")

from training import alignment

DOG, CAT, EATS, SLEEPS, HOUND = range(5, 10)
SENTENCES = [
    ([DOG, EATS], "Hund frisst"),
    ([DOG, SLEEPS], "Hund ruht"),
    ([CAT, EATS], "Katze frisst"),
    ([CAT, SLEEPS], "Katze ruht"),
    ([HOUND, SLEEPS], "Hund ruht"),
    ([HOUND, EATS], "Hund frisst"),
]


def test_a_word_is_linked_to_its_translation():
    foreign = alignment.foreign_stems([("de", text) for _, text in SENTENCES])
    assert foreign[0].tolist() == [0, 1]
    assert foreign[2].tolist() == [3, 1], "a word keeps its number"
    english = [np.array(ids) for ids, _ in SENTENCES]
    links = alignment.counts(english, foreign, 10).toarray()
    assert links.shape == (10, 4)
    hund, frisst, ruht, katze = range(4)
    assert links[[DOG, EATS, SLEEPS, CAT, HOUND]].argmax(1).tolist() == [
        hund,
        frisst,
        ruht,
        katze,
        hund,
    ]


def test_languages_share_no_words():
    one, two = alignment.foreign_stems([("de", "Hand"), ("nl", "hand")])
    assert one.tolist() != two.tolist()
