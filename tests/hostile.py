"""Texts that tokenizers stumble over, seeded."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SURROGATES = range(0xD800, 0xE000)

# Each is a kind of trouble; a text strings some of them together.
PIECES = [
    *"abcXYZ019 ,.!?'\"-_/@#$%&*()[]{}<>|~`^+=:;\\",
    " ",
    "  ",
    "   ",
    "\t",
    "\n",
    "\r\n",
    "\n\n ",
    "\v\f\x1c\x1f\x85",
    "\u00a0",
    "\u1680\u2003\u2028\u2029\u202f\u205f\u3000",
    "\0",
    "\x01\x7f\x80\x9f",
    "\ufffd",
    "\ufeff",
    "\u200b\u200c\u200d\u2060",
    "\u00ad",
    "\u202e\u202a\u2066\u2069",
    "\ue000\uf8ff\U000f0000\U0010fffd",
    "\ufffe\uffff\U0010ffff",
    "e\u0301",
    "\u0301",
    "a\u0323\u0302",
    "\u0302\u0323",
    "\u0345\u0300\u05b0\u0591",
    "\u3099\u302e\u1d165",
    "\U0001d15e\U0001d16d",
    "\u0f73\u0f75",
    "né",
    "Ångström",
    "İstanbul",
    "ıI",
    "ſ",
    "ΣΑΣ ς",
    "straße ẞ",
    "ﬁﬂﬃ",
    "½²①Ⅳ",
    "ﷺ",
    "ｆｕｌｌ　ｗｉｄｔｈ",
    "한국어",
    "\u1112\u1161\u11ab",
    "\u1112\u1161",
    "東京都",
    "𠀀𪚥",
    "日本語テスト",
    "ガ",
    "ｶﾞ",
    "สวัสดี",
    "नमस्ते क्ष",
    "العَرَبِيَّة",
    "עִבְרִית",
    "Привет",
    "🙂",
    "👩‍👩‍👧‍👦",
    "🇩🇪🇫🇷🇮",
    "🙂\ufe0f‍↔️",
    "👍🏽",
    "𝕳𝖊𝖑𝖑𝖔",
    "0١२๓",
    "1234567",
    "don't",
    "WE'LL'VE'S'ſ",
    "isn’t",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "[UNK]",
    "[CL",
    "</s>",
    "<s>",
    "<unk>",
    "<mask>",
    "<pad>",
    "</",
    "##ing",
    "▁",
    "▁▁a",
    "Ġ",
    "Ċ",
    "<0x41>",
    "hello",
    "World",
    "unbelievable",
    "tokenization",
    "x" * 99,
    "y" * 101,
    "http://example.org/a?b=c&d=%20",
    "foo_bar.baz(qux[1])",
    "    def f(x):\n\treturn x",
]


def texts(count: int, seed: int, longest: int = 20) -> list[str]:
    """Give texts of up to ``longest`` pieces, and of code points from anywhere in between."""
    rng = random.Random(seed)
    return ["".join(_piece(rng) for _ in range(rng.randint(1, longest))) for _ in range(count)]


def _piece(rng: random.Random) -> str:
    if rng.random() < 0.8:
        piece: str = rng.choice(PIECES)
        return piece
    value = rng.randrange(rng.choice([0x80, 0x800, 0x10000, 0x110000]))
    return "?" if value in SURROGATES else chr(value)


def every_code_point(step: int = 1) -> Iterator[str]:
    """Give every ``step``-th code point alone, doubled, between letters and behind an accent."""
    for page in range(0, 0x110000, 256):
        letters = [chr(c) for c in range(page, page + 256, step) if c not in SURROGATES]
        if letters:
            yield " ".join(f"{c} {c}{c} a{c}b e\u0301{c} {c}\u0301" for c in letters)
