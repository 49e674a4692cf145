"""What the model knows of each piece before it learns: its stem, and how much it tells.

The lists below are the only knowledge of English that is written by hand.
"""

from __future__ import annotations

import numpy as np
import Stemmer
from tokenizers import Tokenizer

from .vocabulary import SPECIAL

ENDINGS = frozenset(
    [
        "s",
        "es",
        "ed",
        "d",
        "ing",
        "er",
        "ers",
        "ly",
        "al",
        "ally",
        "ies",
        "y",
        "e",
        "ion",
        "ions",
        "ation",
        "ity",
        "ness",
        "able",
        "ment",
        "ments",
        "ic",
    ]
)
FUNCTION_WORDS = frozenset(
    [
        "a",
        "about",
        "all",
        "also",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "been",
        "being",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "done",
        "each",
        "for",
        "from",
        "had",
        "has",
        "have",
        "he",
        "her",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "may",
        "me",
        "might",
        "mine",
        "more",
        "most",
        "my",
        "no",
        "not",
        "of",
        "on",
        "only",
        "or",
        "other",
        "our",
        "own",
        "s",
        "same",
        "she",
        "should",
        "so",
        "some",
        "such",
        "t",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "us",
        "very",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)
REQUEST_WORDS = frozenset(
    [
        "article",
        "articles",
        "available",
        "concerned",
        "concerning",
        "describe",
        "described",
        "describes",
        "discuss",
        "discusses",
        "document",
        "documents",
        "etc",
        "find",
        "get",
        "give",
        "information",
        "interested",
        "know",
        "like",
        "list",
        "literature",
        "need",
        "paper",
        "papers",
        "please",
        "receive",
        "regarding",
        "report",
        "reports",
        "show",
        "tell",
        "use",
        "used",
        "using",
        "want",
    ]
)
FUNCTION_WEIGHT, CONTINUATION_WEIGHT, ENDING_WEIGHT = 0.15, 0.4, 0.02


def stem_classes(tokenizer: Tokenizer) -> np.ndarray:
    """A number for each piece, [vocabulary]; words with one Snowball stem share it."""
    stemmer = Stemmer.Stemmer("english")
    numbers: dict[str, int] = {}
    classes = np.zeros(tokenizer.get_vocab_size(), np.int64)
    for i in range(len(classes)):
        piece = tokenizer.id_to_token(i) or ""
        inflected = piece.isalpha() and piece.isascii() and len(piece) > 2
        key = f"stem {stemmer.stemWord(piece)}" if inflected else f"piece {piece}"
        classes[i] = numbers.setdefault(key, len(numbers))
    return classes


def rarity(genres: dict[str, list[np.ndarray]], classes: int) -> np.ndarray:
    """BM25's idf with every genre weighing the same, however much text there is of it.

    Args:
        genres: The stem classes of each passage of a genre.
        classes: How many there are.
    """
    shares = []
    for passages in genres.values():
        seen = np.zeros(classes)
        for passage in passages:
            seen[np.unique(passage)] += 1
        shares.append(seen / len(passages))
    total = sum(len(passages) for passages in genres.values())
    frequency = np.mean(shares, axis=0) * total
    return np.log(1 + (total - frequency + 0.5) / (frequency + 0.5))


def prior(tokenizer: Tokenizer) -> np.ndarray:
    """A factor on the idf: nothing for punctuation, little for endings and for words that ask."""
    weights = np.ones(tokenizer.get_vocab_size())
    for i in range(len(weights)):
        piece = tokenizer.id_to_token(i) or ""
        if i < len(SPECIAL) or not any(letter.isalnum() for letter in piece):
            weights[i] = 0.0
        elif piece.startswith("##"):
            weights[i] = ENDING_WEIGHT if piece[2:] in ENDINGS else CONTINUATION_WEIGHT
        elif piece in FUNCTION_WORDS or piece in REQUEST_WORDS:
            weights[i] = FUNCTION_WEIGHT
    return weights
