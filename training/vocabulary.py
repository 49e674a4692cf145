"""The WordPiece vocabulary, by merges: words that are common whole, the others in pieces that recur.

`tokenizers` numbers the letters in another order in every process, and breaks ties between merges by
those numbers: here the letters are given, so that the same text gives the same vocabulary.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece
from tokenizers.trainers import WordPieceTrainer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
OFTEN = 5000  # a word that occurs more counts as this often for merges
OFTEN_FOREIGN = 40  # times a letter of another script is seen before it gets a piece


def count_words(texts: Iterable[str]) -> Counter[str]:
    """Words as BERT's normalizer and pre-tokenizer cut them."""
    normalizer = normalizers.BertNormalizer(lowercase=True)
    splitter = pre_tokenizers.BertPreTokenizer()
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)))
    return counts


def build(words: Counter[str], foreign: Counter[str], size: int) -> Tokenizer:
    """A tokenizer of ``size`` pieces, or fewer where the text has no more.

    Args:
        words: How often each word of the training text occurs.
        foreign: The same of text in many languages; only its letters are used.
    """
    letters = _alphabet(words, foreign)
    inside = [
        f"##{letter}"
        for letter in letters
        if unicodedata.category(letter)[0] in "LMN" and not _is_han(letter)
    ]
    known = {*letters, *inside}
    merged = Tokenizer(WordPiece(unk_token=SPECIAL[1]))
    merged.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    merged.train_from_iterator(
        (
            " ".join([word] * min(count, OFTEN))
            for word, count in sorted(words.items())
            if word[:1] in known and {f"##{letter}" for letter in word[1:]} <= known
        ),
        WordPieceTrainer(
            vocab_size=size, special_tokens=[*SPECIAL, *letters, *inside], show_progress=False
        ),
    )
    return tokenizer(merged.get_vocab())


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
