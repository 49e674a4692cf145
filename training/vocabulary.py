"""The WordPiece vocabulary: whole words first, so that a word mostly has one vector and one weight.

Made here and not by `tokenizers`' trainer, which breaks ties differently in every process: the same
text has to give the same vocabulary.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LONGEST_PIECE = 10
OFTEN_FOREIGN = 40  # times a letter of another script is seen before it gets a piece


def count_words(texts: Iterable[str]) -> Counter[str]:
    """Words as BERT's normalizer and pre-tokenizer cut them."""
    normalizer = normalizers.BertNormalizer(lowercase=True)
    splitter = pre_tokenizers.BertPreTokenizer()
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)))
    return counts


def build(words: Counter[str], foreign: Counter[str], size: int, continuations: int) -> Tokenizer:
    """A tokenizer of exactly ``size`` pieces, ``continuations`` of them longer than a letter and
    starting with ``##``.

    Args:
        words: How often each word of the training text occurs.
        foreign: The same of text in many languages; only its letters are used.
    """
    letters = _alphabet(words, foreign)
    pieces = SPECIAL + letters
    pieces += [
        f"##{letter}"
        for letter in letters
        if unicodedata.category(letter)[0] in "LMN" and not _is_han(letter)
    ]
    room = size - len(pieces) - continuations
    known = set(letters)
    common = [word for word in _by_count(words) if len(word) > 1 and set(word) <= known]
    whole, rare = common[:room], common[room:]
    pieces += whole + _continuations(whole, {word: words[word] for word in rare}, continuations)
    return tokenizer({piece: i for i, piece in enumerate(pieces)})


def tokenizer(vocabulary: dict[str, int]) -> Tokenizer:
    made = Tokenizer(WordPiece(vocabulary, unk_token=SPECIAL[1], max_input_chars_per_word=100))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, SPECIAL.index(name)) for name in ("[CLS]", "[SEP]")],
    )
    made.add_special_tokens(SPECIAL)
    return made


def _alphabet(words: Counter[str], foreign: Counter[str]) -> list[str]:
    """Every letter of the training text that is no rarity, and the common ones of other scripts."""
    seen: Counter[str] = Counter()
    for word, count in foreign.items():
        for letter in word:
            seen[letter] += count
    own: Counter[str] = Counter()
    for word, count in words.items():
        for letter in word:
            own[letter] += count
    return sorted(
        {letter for letter, count in own.items() if count >= 3}
        | {
            letter
            for letter, count in seen.items()
            if count >= OFTEN_FOREIGN and unicodedata.category(letter)[0] in "LMN"
        }
    )


def _is_han(letter: str) -> bool:
    """BERT's normalizer makes each of these a word of its own."""
    return unicodedata.name(letter, "").startswith("CJK UNIFIED")


def _continuations(whole: list[str], rare: dict[str, int], size: int) -> list[str]:
    """The pieces that the greedy longest match uses most in the words that have no piece."""
    substrings: Counter[str] = Counter()
    for word, count in rare.items():
        for start in range(1, len(word) - 1):
            for end in range(start + 2, min(len(word), start + LONGEST_PIECE) + 1):
                substrings[word[start:end]] += count
    worth = Counter({piece: count * (len(piece) - 1) for piece, count in substrings.items()})
    chosen = _by_count(worth)[: 8 * size]
    starts = set(whole)
    for keep in (3 * size, size):
        used: Counter[str] = Counter(dict.fromkeys(chosen, 0))
        inside = set(chosen)
        for word, count in rare.items():
            used.update(dict.fromkeys(_rest(word, starts, inside), count))
        chosen = _by_count(Counter({piece: used[piece] for piece in inside}))[:keep]
    return [f"##{piece}" for piece in chosen]


def _rest(word: str, starts: set[str], inside: set[str]) -> list[str]:
    """The pieces after the first, longest match first; single letters are left out."""
    at = next((end for end in range(len(word), 1, -1) if word[:end] in starts), 1)
    found = []
    while at < len(word):
        ends = range(min(len(word), at + LONGEST_PIECE), at + 1, -1)
        end = next((end for end in ends if word[at:end] in inside), at + 1)
        if end > at + 1:
            found.append(word[at:end])
        at = end
    return found


def _by_count(counts: Counter[str]) -> list[str]:
    return sorted(counts, key=lambda key: (-counts[key], key))
