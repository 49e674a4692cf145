"""Writes csrc/core/text/unicode_tables.{h,cc} by asking the installed `tokenizers` library about
every code point. The crates inside it have different Unicode versions, so what it answers is the
truth to reproduce. `--check` compares with the committed files instead.

    python tools/unicode_tables.py [--check]
"""

import argparse
import struct
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

TEXT = Path(__file__).parents[1] / "csrc" / "core" / "text"
CODE_POINTS = [i for i in range(0x110000) if not 0xD800 <= i < 0xE000]
HANGUL = range(0xAC00, 0xAC00 + 11172)  # decomposed, composed and clustered by arithmetic

NFD = normalizers.NFD().normalize_str
NFC = normalizers.NFC().normalize_str
NFKD = normalizers.NFKD().normalize_str
NFKC = normalizers.NFKC().normalize_str


def where(holds: Callable[[str], bool]) -> set[int]:
    return {i for i in CODE_POINTS if holds(chr(i))}


def properties() -> list[tuple[str, set[int]]]:
    """Return the code points of every UnicodeProperty, in the order of the bits."""

    def bert(option: str) -> Callable[[str], str]:
        options = dict.fromkeys(
            ["clean_text", "handle_chinese_chars", "strip_accents", "lowercase"], False
        )
        return normalizers.BertNormalizer(**(options | {option: True})).normalize_str

    def isolates(step: pre_tokenizers.PreTokenizer) -> set[int]:
        return where(lambda c: len(step.pre_tokenize_str(f"a{c}a")) == 3)

    def removes(step: pre_tokenizers.PreTokenizer) -> set[int]:
        return where(lambda c: not step.pre_tokenize_str(c))

    def matches(pattern: str) -> set[int]:
        return removes(pre_tokenizers.Split(Regex(pattern), "removed"))

    clean, spaced, unaccented = map(bert, ["clean_text", "handle_chinese_chars", "strip_accents"])
    stripped = normalizers.StripAccents().normalize_str
    punctuation = isolates(pre_tokenizers.Punctuation())
    if punctuation != isolates(pre_tokenizers.BertPreTokenizer()):
        sys.exit("Punctuation and BertPreTokenizer disagree: UnicodeProperty needs two bits")
    return [
        ("kWhitespace", removes(pre_tokenizers.WhitespaceSplit())),
        ("kBertControl", where(lambda c: clean(c) == "")),
        ("kBertWhitespace", where(lambda c: clean(c) == " ")),
        ("kBertPunctuation", punctuation),
        ("kBertCjk", where(lambda c: spaced(c) == f" {c} ")),
        ("kNonspacingMark", where(lambda c: unaccented(c) == "")),
        ("kMark", where(lambda c: stripped(c) == "")),
        ("kLetter", matches(r"\p{L}")),
        ("kNumber", matches(r"\p{N}")),
        ("kRegexSpace", matches(r"\s")),
        ("kNumeric", isolates(pre_tokenizers.Digits(individual_digits=True))),
        ("kRegexMark", matches(r"\p{M}")),
        ("kRegexWord", matches(r"\w")),
        ("kRegexUpper", matches(r"[\p{Lu}\p{Lt}]")),
        ("kRegexLower", matches(r"\p{Ll}")),
        ("kRegexSign", matches(r"[\p{P}\p{S}]")),
    ]


def combining_classes() -> dict[int, int]:
    """Return the canonical combining classes that are not 0.

    Two marks change places in NFD when the first one's class is higher. So Python names the classes,
    and the library says which code point is in which.
    """

    def swap(first: str, second: str) -> bool:
        return NFD(f"a{first}{second}") != f"a{first}{second}"

    lowest, highest = "\N{COMBINING TILDE OVERLAY}", "\N{COMBINING GREEK YPOGEGRAMMENI}"  # 1, 240
    marks = where(
        lambda c: (
            (swap(c, lowest) or swap(highest, c) or c in lowest + highest)
            and NFD(c) == c
            and ord(c) not in HANGUL
        )
    )
    example: dict[int, str] = {}
    for i in sorted(marks):
        example.setdefault(unicodedata.combining(chr(i)), chr(i))
    order = sorted(example)
    classes = {}
    for i in marks:
        same = [k for k in order if not swap(chr(i), example[k]) and not swap(example[k], chr(i))]
        if len(same) != 1 or same[0] == 0:
            sys.exit(f"U+{i:04X} has a combining class that Python does not know")
        classes[i] = same[0]
    return classes


def decompositions() -> dict[int, tuple[str, str]]:
    """Return the full canonical and compatibility decompositions of what has one."""
    found = {i: (NFD(chr(i)), NFKD(chr(i))) for i in CODE_POINTS if i not in HANGUL}
    return {i: pair for i, pair in found.items() if pair != (chr(i), chr(i))}


def compositions() -> dict[tuple[str, str], str]:
    """Return the code points that are composed of two, by those two."""
    found = {}
    for i in CODE_POINTS:
        c = chr(i)
        if i in HANGUL or NFD(c) == c or NFC(c) != c:
            continue
        first, second = NFC(NFD(c)[:-1]), NFD(c)[-1]
        if len(first) != 1 or NFC(first + second) != c or (first, second) in found:
            sys.exit(f"U+{i:04X} is not composed of two")
        found[first, second] = c
    if {second for _, second in found} & {NFD(c)[0] for c in found.values()}:
        sys.exit("a composed code point begins with one that joins what stands before it")
    return found


GRAPHEME_CLASSES = [
    "kOther", "kCr", "kLf", "kControl", "kExtend", "kZwj", "kRegionalIndicator", "kPrepend",
    "kSpacingMark", "kHangulL", "kHangulV", "kHangulT", "kHangulSyllable", "kPictographic",
    "kConsonant", "kLinker", "kPlainExtend",
]  # fmt: skip


class Clusters:
    """Grapheme clusters as the library cuts them, as far as that can be seen from outside.

    A Precompiled normalizer replaces a cluster of fewer than six bytes as a whole, and a longer one
    code point by code point. This one replaces everything by "!", so the length of what it gives
    tells what was joined. What cannot be seen this way makes no difference to the library either.
    """

    MARK = "\u0300"
    ZWJ = "\u200d"
    COPYRIGHT = "\u00a9"  # an Extended_Pictographic of two bytes
    KA, VIRAMA = "\u0915", "\u094d"
    JAMO_L, JAMO_V = "\u1100", "\u1161"

    def __init__(self) -> None:
        units = [0] * 512  # a double array (darts-clone) whose keys are all single bytes but NUL
        units[0] = 256 << 10
        units[1] = 1 << 31  # the leaf that all keys share: place 0 of the replacements
        for byte in range(1, 256):
            units[256 ^ byte] = byte | 1 << 8 | (256 ^ byte ^ 1) << 10
        trie = struct.pack("<512I", *units)
        charsmap = struct.pack("<I", len(trie)) + trie + b"!\0"
        self.normalize = normalizers.Precompiled(charsmap).normalize_str

    def count(self, text: str) -> int:
        return len(self.normalize(text))

    def joins(self, first: str, second: str) -> bool:
        if len((first + second).encode()) < 6:
            return self.count(first + second) == 1
        return self.count(first + second + self.MARK) == 3  # else `second + MARK` is seen whole

    def class_of(self, c: str) -> str:
        if c in "\r\n":
            return "kCr" if c == "\r" else "kLf"
        if self.joins("a", c):
            return self.joining_class(c)
        if c == "\0" or self.count(c + self.MARK + self.MARK) == 2:
            return "kControl"
        if self.joins(c, "a"):
            return "kPrepend"
        return self.leading_class(c) if c <= "\uffff" else self.unseen_class(c)

    def joining_class(self, c: str) -> str:
        """Return the class of a code point that never begins a cluster."""
        ka, copyright_sign, mark = self.KA, self.COPYRIGHT, self.MARK
        if c == self.ZWJ:
            return "kZwj"
        if self.count(copyright_sign + c + self.ZWJ + copyright_sign + mark) != 5:
            return "kSpacingMark"
        if self.count(ka + c + ka + mark) == 4:
            return "kLinker"
        return "kExtend" if self.count(ka + c + self.VIRAMA + ka + mark) == 5 else "kPlainExtend"

    def unseen_class(self, c: str) -> str:
        """A cluster that begins with four bytes is never seen whole: the blocks of emoji will do."""
        if "\U0001f1e6" <= c <= "\U0001f1ff":
            return "kRegionalIndicator"
        return "kPictographic" if "\U0001f000" <= c <= "\U0001faff" else "kOther"

    def leading_class(self, c: str) -> str:
        """Return the class of a code point that joins only what goes before some others."""
        if self.joins(c, self.JAMO_L):
            return "kHangulL"
        if self.joins(self.JAMO_V, c):
            return "kHangulV" if self.joins(c, self.JAMO_V) else "kHangulT"
        for before, name in [
            (self.JAMO_L, "kHangulSyllable"),
            (self.COPYRIGHT + self.ZWJ, "kPictographic"),
            (self.KA + self.VIRAMA, "kConsonant"),
        ]:
            if self.count(before + c + self.MARK) == len(before) + 2:
                return name
        return "kOther"


def grapheme_classes() -> dict[int, str]:
    """Return the classes that are not Other: Grapheme_Cluster_Break of UAX #29 and what is in it."""
    clusters = Clusters()
    found = {i: clusters.class_of(chr(i)) for i in CODE_POINTS}
    for i in HANGUL:
        is_open = clusters.joins(chr(i), clusters.JAMO_V)
        if found[i] != "kHangulSyllable" or is_open != ((i - HANGUL[0]) % 28 == 0):
            sys.exit(f"U+{i:04X} is not the syllable it should be")
    return {i: name for i, name in found.items() if name != "kOther"}


def two_stages(values: Sequence[int], page: int, *, cut: bool) -> tuple[list[int], list[int]]:
    """Return `values[i]` as `pages[index[i // page] * page + i % page]`; `cut` drops zeros at the end."""
    numbers: dict[tuple[int, ...], int] = {}
    index = [
        numbers.setdefault(tuple(values[i : i + page]), len(numbers))
        for i in range(0, len(values), page)
    ]
    zeros = numbers.get((0,) * page)
    while cut and index[-1] == zeros:
        index.pop()
    return index, [value for content in numbers for value in content]


def numbers_array(name: str, values: Sequence[int]) -> tuple[str, str]:
    return array("std::uint8_t" if max(values) < 256 else "std::uint16_t", name, values)


def array(kind: str, name: str, items: Iterable[object]) -> tuple[str, str]:
    """Return declaration and definition."""
    texts = [str(item) for item in items]

    def lines() -> Iterator[str]:
        line = ""
        for text in texts:
            if len(line) + len(text) + 1 > 100:
                yield line
                line = ""
            line += f"{text},"
        yield line

    size = f"std::array<{kind}, {len(texts)}> {name}"
    return f"extern const {size};", f"constexpr {size} = {{{{\n{chr(10).join(lines())}\n}}}};"


PAGE = 128


def record_tables() -> list[tuple[str, str]]:
    """Return one record for all that is asked of a code point while a text is walked through."""
    named = properties()
    classes, clusters = combining_classes(), grapheme_classes()
    seconds = {ord(second) for _, second in compositions()}
    seconds |= {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)}  # Hangul vowels, last consonants
    records: dict[tuple[object, ...], int] = {}
    numbers = [0] * 0x110000
    for i in CODE_POINTS:
        c = chr(i)
        alone = i not in seconds
        forms = [
            NFD(c) == c,
            alone and NFC(c) == c,
            NFKD(c) == c,
            alone and NFKC(c) == c,
            not alone,
        ]
        record = (
            sum(1 << bit for bit, (_, members) in enumerate(named) if i in members),
            classes.get(i, 0),
            sum(1 << bit for bit, yes in enumerate(forms) if yes),
            f"GraphemeClass::{clusters.get(i, 'kOther')}",
        )
        numbers[i] = records.setdefault(record, len(records))
    index, pages = two_stages(numbers, PAGE, cut=False)
    return [
        numbers_array("kRecordIndex", index),
        numbers_array("kRecordPages", pages),
        array("CodePointRecord", "kRecords", (f"{{{','.join(map(str, r))}}}" for r in records)),
    ]


def lowercase_tables() -> list[tuple[str, str]]:
    lowercase = normalizers.Lowercase().normalize_str
    deltas: dict[int, int] = {0: 0}
    numbers = [0] * 0x110000
    for i in CODE_POINTS:
        lower = lowercase(chr(i))
        if len(lower) > 1 and (i, lower) != (0x130, "i\u0307"):
            sys.exit(f"U+{i:04X} becomes several code points")  # unicode.h knows the only one
        numbers[i] = deltas.setdefault(ord(lower[0]) - i, len(deltas))
    index, pages = two_stages(numbers, PAGE, cut=True)
    return [
        numbers_array("kLowercaseIndex", index),
        numbers_array("kLowercasePages", pages),
        array("std::int32_t", "kLowercaseDeltas", deltas),
    ]


def decomposition_tables() -> list[tuple[str, str]]:
    # The size of the canonical one, the size of the compatibility one if it differs, both.
    pool: list[int] = [0, 0]
    places: dict[tuple[str, str], int] = {}
    numbers = [0] * 0x110000
    for i, (canonical, compatible) in decompositions().items():
        first = canonical if canonical != chr(i) else ""
        second = compatible if compatible != canonical else ""
        if (first, second) not in places:
            places[first, second] = len(pool)
            pool += [len(first), len(second), *map(ord, first + second)]
        numbers[i] = places[first, second]
    index, pages = two_stages(numbers, PAGE, cut=True)
    pairs = (f"{{{ord(a)},{ord(b)},{ord(c)}}}" for (a, b), c in sorted(compositions().items()))
    return [
        numbers_array("kDecompositionIndex", index),
        numbers_array("kDecompositionPages", pages),
        array("char32_t", "kDecompositions", pool),
        array("Composition", "kCompositions", pairs),
    ]


HEADER = """\
// The tables behind unicode.h, of tokenizers {version}. Written by tools/unicode_tables.py.
#pragma once

#include <array>
#include <cstdint>

namespace rerank::unicode {{

// Grapheme_Cluster_Break of UAX #29, with Extended_Pictographic and Indic_Conjunct_Break in it.
enum class GraphemeClass : std::uint8_t {{
{classes}
}};

// Bits of CodePointRecord::forms. A code point that is kIs... stays as it is in that form; for the
// composed forms it also never joins what stands before it.
enum FormBits : std::uint8_t {{
  kIsNfd = 1 << 0,
  kIsNfc = 1 << 1,
  kIsNfkd = 1 << 2,
  kIsNfkc = 1 << 3,
  kIsSecond = 1 << 4,  // of a pair that composes
}};

struct CodePointRecord {{
  std::uint16_t properties;  // UnicodeProperty
  std::uint8_t combining_class;
  std::uint8_t forms;
  GraphemeClass grapheme;
}};

struct Composition {{
  char32_t first;
  char32_t second;
  char32_t composed;
}};

// NOLINTBEGIN(readability-identifier-naming): constants, though the checker sees no value here
{declarations}
// NOLINTEND(readability-identifier-naming)

inline constexpr std::uint32_t kPage = {page};

inline const CodePointRecord& record(char32_t code_point) {{
  const std::uint32_t page = kRecordIndex[code_point / kPage];
  return kRecords[kRecordPages[page * kPage + code_point % kPage]];
}}

// 0 where a table that is cut says nothing.
template <class Index, class Pages>
auto find(const Index& index, const Pages& pages, char32_t code_point) {{
  const std::uint32_t block = code_point / kPage;
  if (block >= index.size()) return typename Pages::value_type{{0}};
  return pages[index[block] * kPage + code_point % kPage];
}}

}}  // namespace rerank::unicode
"""

SOURCE = """\
// Written by tools/unicode_tables.py.
#include "core/text/unicode_tables.h"

namespace rerank::unicode {{

// clang-format off
{definitions}
// clang-format on

}}  // namespace rerank::unicode
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args().check
    made = [*record_tables(), *lowercase_tables(), *decomposition_tables()]
    files = {
        TEXT / "unicode_tables.h": HEADER.format(
            version=tokenizers.__version__,
            classes="\n".join(f"  {name}," for name in GRAPHEME_CLASSES),
            declarations="\n".join(declaration for declaration, _ in made),
            page=PAGE,
        ),
        TEXT / "unicode_tables.cc": SOURCE.format(
            definitions="\n\n".join(definition for _, definition in made)
        ),
    }
    for path, content in files.items():
        if not check:
            path.write_text(content, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != content:
            sys.exit(
                f"{path.name} is not what tokenizers {tokenizers.__version__} knows: run {__file__}"
            )


if __name__ == "__main__":
    main()
