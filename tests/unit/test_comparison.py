"""How far logits are apart: expectations worked out by hand."""

import unicodedata

import numpy as np
import pytest

from rerank_core.errors import InvalidArgumentError
from rerank_core.models.verify.comparison import TOLERANCES, Tolerance, compare
from rerank_core.models.verify.probe_pairs import probe_pairs

INT8 = TOLERANCES["int8"]


def test_equal_logits_differ_by_nothing():
    compared = compare([3.0, -1.0, 2.0], [3.0, -1.0, 2.0], [0, 0, 1])
    assert compared.passed
    assert (compared.largest, compared.mean, compared.order_changes) == (0, 0, 0)
    assert (compared.spearman, compared.kendall) == (1, 1)
    assert (compared.pairs, compared.queries) == (3, 2)


def test_the_worst_pair_is_named():
    compared = compare([1.0, 2.5, 3.0], [1.0, 2.0, 3.25], [0, 0, 0], INT8)
    assert (compared.largest, compared.worst) == (0.5, 1)
    assert compared.mean == pytest.approx(0.25)
    (figure,) = [figure for figure in compared.figures("that pair") if figure.passed is False]
    assert "is 0.5, allowed is 0.23" in figure.why
    assert figure.why.endswith("(that pair)")


@pytest.mark.parametrize(
    ("found", "spearman", "kendall"),
    [
        ([1, 2, 3, 4], 1, 1),
        ([4, 3, 2, 1], -1, -1),
        ([2, 1, 3, 4], 0.8, 4 / 6),  # one of six pairs is turned: 1 - 6 * 2 / 60, (5 - 1) / 6
        ([1, 1, 3, 4], 0.9486832980505138, 5 / 30**0.5),  # scipy.stats 1.15
        ([7, 7, 7, 7], 0, 0),
    ],
)
def test_rank_correlations(found, spearman, kendall):
    compared = compare(found, [1, 2, 3, 4], [5] * 4)
    assert compared.spearman == pytest.approx(spearman)
    assert compared.kendall == pytest.approx(kendall)


def test_constants_agree():
    compared = compare([2, 2], [2, 2], [0, 0])
    assert (compared.spearman, compared.kendall, compared.scale) == (1, 1, 0)


@pytest.mark.parametrize(
    ("found", "wanted", "changes"),
    [
        ([2, 1], [1, 2], 1),
        ([1, 1], [1, 2], 1),
        ([2, 1], [1, 1.0001], 0),  # nearer than fp32 tells apart
        (range(20), [*range(10, -10, -1)], 1),
        # Behind the first ten any order will do; what comes up from there is a change.
        ([*range(20, 10, -1), 1, 2], [*range(20, 8, -1)], 0),
        ([*range(20, 10, -1), 12, 2], [*range(20, 8, -1)], 1),
    ],
)
def test_changes_of_the_first_ten(found, wanted, changes):
    assert compare(list(found), wanted, [0] * len(wanted)).order_changes == changes


@pytest.mark.parametrize(
    ("precision", "scale", "limit"),
    [
        ("fp32", 0.01, 1e-4),
        ("fp32", 8, 1e-4),
        ("fp32", 100, 1e-3),
        ("fp16", 0.05, 2e-3),
        ("fp16", 4, 0.08),
        ("int8", 4, 1.0),
    ],
)
def test_limits(precision, scale, limit):
    assert TOLERANCES[precision].limit(scale) == pytest.approx(limit)


def test_a_graph_that_ranks_otherwise_does_not_pass_however_near():
    wanted = np.linspace(0, 1e-4, 30)
    compared = compare(wanted[::-1], wanted, [0] * 30)
    assert compared.largest <= compared.limit
    assert not compared.passed
    assert "rank correlation is -1.0" in compared.figures()[3].why


def test_a_tolerance_of_ones_own():
    loose = Tolerance(logit=1.0, share=0.0, spearman=-1.0)
    assert compare([2, 1], [1, 2], [0, 0], loose).passed


@pytest.mark.parametrize(
    ("found", "wanted", "groups", "message"),
    [
        ([1.0], [1.0, 2.0], [0, 0], "of equal length and not empty, got 1, 2 and 2"),
        ([1.0], [1.0], [0, 0], "got 1, 1 and 2"),
        ([], [], [], "got 0, 0 and 0"),
        ([1.0, np.nan], [1.0, 2.0], [0, 0], "found must be finite, got nan for pair 1"),
        ([1.0, 2.0], [np.inf, 2.0], [0, 0], "wanted must be finite, got inf for pair 0"),
        ([[1.0]], [1.0], [0], r"one logit for each pair, got \(1, 1\)"),
    ],
)
def test_what_cannot_be_compared(found, wanted, groups, message):
    with pytest.raises(InvalidArgumentError, match=message):
        compare(found, wanted, groups)


def test_as_json():
    said = compare([1.0, 2.0], [1.0, 2.0], [0, 0]).to_dict()
    assert said["passed"] is True
    assert said["worst"] == 0


def test_the_pairs_are_of_all_kinds():
    pairs = probe_pairs()
    sizes = [len(text.split()) for text in pairs.documents]
    assert 60 <= len(pairs) <= 80
    assert len(set(pairs.groups)) == len(set(pairs.queries)) >= 10
    assert all(4 <= pairs.groups.count(group) <= 8 for group in set(pairs.groups))
    assert min(sizes) == 0
    assert sorted(sizes)[-2] > 400
    assert sizes[-1] == 1
    everything = "".join(pairs.documents)
    scripts = {unicodedata.name(letter).split()[0] for letter in everything if letter.isalpha()}
    assert scripts >= {
        *("LATIN", "CYRILLIC", "GREEK", "HEBREW", "ARABIC", "DEVANAGARI", "BENGALI", "TAMIL"),
        *("THAI", "CJK", "HIRAGANA", "KATAKANA", "HANGUL"),
    }
    assert {"🚲", "π", "€", "{", "\n"} <= set(everything)


def test_a_pair_is_named_on_one_line():
    pairs = probe_pairs()
    index = next(i for i, text in enumerate(pairs.documents) if text.startswith("with open"))
    assert pairs.named(index) == (
        f"pair {index}, query 'how do I read a file line by line in python' (43 characters), document "
        "'with open(path, encoding=\"utf-8\") as file: for line in file:...' (97 characters)"
    )
