"""The scorer: BM25 inside the graph, and what is learned on top of it.

Every piece of the query meets every piece of the passage twice: as equal stems, and as vectors in
three spaces (by neighbours, by translations, learned). BM25 with a stored weight per piece is the
score to start from; a small network per query piece and one for the whole pair add to it.

Only operations whose result for one row is exact or summed in a fixed order are used (no exp, tanh or
log over a batch, sums as batched matrix products), so that a score is the same in any company.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

SPECIALS = 5  # [PAD] [UNK] [CLS] [SEP] [MASK] match nothing
POSITIONS = 512
THRESHOLDS = (0.2, 0.4, 0.6, 0.8)  # a soft match counts by how far its cosine is above these
WINDOWS = (4, 12, 40)  # tokens; how much of the query is found so close together
SOFT_WINDOWS = (12, 40)
STRETCH = 32  # tokens
SHORT_QUERY, LONG_QUERY = 14.0, 34.0  # pieces, [CLS] and [SEP] included
EARLY = 60.0  # tokens; a match counts as early by how far it is before this
TINY = 1e-6


@dataclass(frozen=True)
class Shape:
    vocabulary: int  # pieces
    classes: int  # stems
    translated: int  # of them with a vector by translations, and one row of zeros for the others
    neighbours: int  # dimensions of the vectors by neighbours
    translations: int  # and by translations
    learned: int = 64
    topic: int = 64
    hidden: int = 64


class Scorer(nn.Module):
    """(input_ids, attention_mask, token_type_ids) [batch, sequence] int64 -> logits [batch, 1].

    Args:
        shape: The sizes; the tables are to be loaded.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("classes", torch.zeros(shape.vocabulary, dtype=torch.int64))
        self.register_buffer("weights", torch.zeros(shape.vocabulary))
        self.register_buffer("early", (1 - torch.arange(POSITIONS) / EARLY).clamp_min(0))
        self.adjustment = nn.Parameter(torch.zeros(shape.vocabulary))  # of the weights, bounded
        self.neighbours = nn.Parameter(torch.zeros(shape.classes, shape.neighbours))
        self.register_buffer("translated", torch.zeros(shape.classes, dtype=torch.int64))
        self.register_buffer("translations", torch.zeros(shape.translated, shape.translations))
        size = shape.neighbours + shape.translations
        self.learned = nn.Linear(size, shape.learned, bias=False)
        self.topic = nn.Linear(size, shape.topic, bias=False)
        for layer in (self.learned, self.topic):
            nn.init.normal_(layer.weight, std=1 / math.sqrt(layer.out_features))
        self.saturation = nn.Parameter(torch.tensor(math.log(1.2)))  # BM25's k1, b and length
        self.normalization = nn.Parameter(torch.tensor(1.1))
        self.length = nn.Parameter(torch.tensor(math.log(130.0)))
        self.scale = nn.Parameter(torch.tensor(math.log(3.0)))
        per_piece = 3 * (len(THRESHOLDS) + 1) + 7
        per_pair = 2 * len(WINDOWS) + len(SOFT_WINDOWS) + 3 + 3 + 3 + 3
        self.piece = _network(per_piece, shape.hidden)
        self.pair = _network(per_pair, shape.hidden)
        self.register_buffer("trust", torch.ones(()))  # in the learned part where the query is long
        self.register_buffer(
            "slope", torch.ones(())
        )  # of the calibration, which moves all scores of
        self.register_buffer("offsets", torch.zeros(3))  # a query alike: no order changes

    def settings(self) -> dict[str, int]:
        return asdict(self.shape)

    def piece_weights(self) -> Tensor:
        return self.weights * torch.exp(0.5 * torch.tanh(self.adjustment))

    def classes_of(self, ids: Tensor) -> Tensor:
        return self.classes[ids]

    def vectors(self, classes: Tensor) -> tuple[Tensor, Tensor]:
        """By neighbours, of length one, and by translations, [batch, sequence, dimensions]."""
        return unit(self.neighbours[classes]), self.translations[self.translated[classes]]

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        score, query = self.score(input_ids, attention_mask, token_type_ids)
        moved = query * self.offsets
        return score * self.slope + moved[:, :1] + moved[:, 1:2] + moved[:, 2:]

    def score(self, ids: Tensor, mask: Tensor, types: Tensor) -> tuple[Tensor, Tensor]:
        """Before calibration, [batch, 1]; and what calibration knows of the query, [batch, 3]."""
        lexical, learned, heaviness = self.parts(ids, mask, types)
        pieces = (mask * (1 - types)).sum(1, keepdim=True).float()
        long = ((pieces - SHORT_QUERY) / (LONG_QUERY - SHORT_QUERY)).clamp(0, 1)
        trust = 1 - long * (1 - self.trust)
        query = torch.cat([torch.ones_like(pieces), _bounded(pieces / 8), heaviness / 4], 1)
        return lexical + learned * trust, query

    def parts(self, ids: Tensor, mask: Tensor, types: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The BM25 part and the learned part of the score, and the root of the weight of the query,
        each [batch, 1].
        """
        content = mask * (ids >= SPECIALS).to(mask.dtype)
        in_document = (content * types).float().unsqueeze(1)  # [batch, 1, sequence]
        longest = (mask * (1 - types)).sum(1).max()
        places = torch.arange(longest, device=ids.device)
        in_query = (content * (1 - types)).float().index_select(1, places).unsqueeze(2)
        classes = self.classes_of(ids)
        both = in_query * in_document
        same = (classes.index_select(1, places).unsqueeze(2) == classes.unsqueeze(1)).float() * both
        exact = (ids.index_select(1, places).unsqueeze(2) == ids.unsqueeze(1)).float() * both

        weights = self.piece_weights()[ids].unsqueeze(1)
        of_query = weights.index_select(2, places) * in_query.transpose(1, 2)  # [batch, 1, query]
        of_document = weights * in_document
        total = torch.matmul(of_query, in_query).squeeze(2) + TINY
        share = of_query / total.unsqueeze(2)

        frequency = same.sum(2, keepdim=True)
        saturated = frequency / (frequency + self._damping(in_document))
        neighbours, translations = self.vectors(classes)
        vectors = torch.cat([neighbours, translations], 2)
        near = [
            _cosines(space, places) * both
            for space in (neighbours, translations, unit(self.learned(vectors)))
        ]
        each = in_document.transpose(1, 2)  # sums over the passage as products: see above
        best = [cosines.amax(2, keepdim=True) for cosines in near]
        soft = [
            _bounded(torch.matmul(functional.relu(cosines - least), each))
            for cosines in near
            for least in THRESHOLDS
        ]
        found = (frequency > 0).float()
        early = (same * self.early[: ids.shape[1]]).amax(2, keepdim=True)
        heavy = of_query.transpose(1, 2) * in_query.sum(1, keepdim=True) / total.unsqueeze(2)
        many = _bounded(in_query.sum(1) / 8)
        pieces = torch.cat(
            [
                *soft,
                *best,
                saturated,
                found,
                _bounded(exact.sum(2, keepdim=True)),
                _neighbouring(same),
                early,
                _bounded(heavy),
                in_query * many.unsqueeze(2),
            ],
            2,
        )
        lexical = torch.matmul(of_query, saturated).squeeze(2)
        per_piece = torch.matmul(of_query, self.piece(pieces)).squeeze(2)
        heaviness = torch.sqrt(total)
        root = self.scale.exp() / heaviness

        covered = torch.matmul(share, torch.cat([found, *best], 2)).squeeze(1)  # [batch, 4]
        pair = torch.cat(
            [
                *self._windows(same, share, in_document),
                *[
                    torch.matmul(share, _spread(functional.relu(near[2]), width)).amax(2)
                    for width in SOFT_WINDOWS
                ],
                covered,
                covered[:, :1] * covered[:, :1],
                *[_explained(cosines, of_document, in_document) for cosines in near],
                *self._topics(vectors, neighbours, of_query, of_document, in_document, places),
                many,
            ],
            1,
        )
        return root * lexical, root * per_piece + 3 * self.pair(pair), heaviness

    def _damping(self, in_document: Tensor) -> Tensor:
        """BM25's k1 (1 - b + b length / average)."""
        b = torch.sigmoid(self.normalization)
        length = in_document.sum(2, keepdim=True) / self.length.exp()
        return self.saturation.exp() * (1 - b + b * length)

    def _windows(self, same: Tensor, share: Tensor, in_document: Tensor) -> list[Tensor]:
        length = in_document.sum(2) + 1
        found = []
        for width in WINDOWS:
            covered = torch.matmul(share, _spread(same, width))
            found += [covered.amax(2), _dot(covered * covered, in_document) / length]
        return found

    def _topics(
        self,
        vectors: Tensor,
        neighbours: Tensor,
        of_query: Tensor,
        of_document: Tensor,
        in_document: Tensor,
        places: Tensor,
    ) -> list[Tensor]:
        """Cosines of the weighted mean vectors of the two sides, learned and by neighbours, and how
        near the best stretch of the passage is to the learned one, piece by piece.
        """
        topics = self.topic(vectors)
        query = unit(torch.matmul(of_query, topics.index_select(1, places)))  # [batch, 1, topic]
        whole = _dot(query, unit(torch.matmul(of_document, topics)))
        each = torch.matmul(query, unit(topics).transpose(1, 2)) * of_document
        stretch = _stretch(each) / (_stretch(of_document) + TINY)
        best = (functional.relu(stretch) * in_document).amax(2)
        mean = unit(torch.matmul(of_query, neighbours.index_select(1, places)))
        fixed = _dot(mean, unit(torch.matmul(of_document, neighbours)))
        return [whole, best, fixed]


def _network(inputs: int, hidden: int) -> nn.Sequential:
    """Starts as zero: the score is BM25's until something is learned."""
    last = nn.Linear(hidden, 1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), last)


def unit(vectors: Tensor) -> Tensor:
    return vectors / torch.sqrt((vectors * vectors).sum(-1, keepdim=True) + TINY)


def _bounded(count: Tensor) -> Tensor:
    return count / (1 + count)


def _cosines(space: Tensor, places: Tensor) -> Tensor:
    return torch.matmul(space.index_select(1, places), space.transpose(1, 2))


def _neighbouring(same: Tensor) -> Tensor:
    """How often a query piece is found beside the one before or after it, in their order."""
    pairs = (same[:, :-1, :-1] * same[:, 1:, 1:]).sum(2, keepdim=True)
    none = torch.zeros_like(pairs[:, :1])
    return _bounded(torch.cat([pairs, none], 1) + torch.cat([none, pairs], 1))


def _spread(matches: Tensor, width: int) -> Tensor:
    return functional.max_pool1d(matches, width + 1, 1, width // 2)


def _stretch(values: Tensor) -> Tensor:
    return functional.avg_pool1d(values, STRETCH + 1, 1, STRETCH // 2)


def _dot(left: Tensor, right: Tensor) -> Tensor:
    return torch.matmul(left, right.transpose(1, 2)).squeeze(2)


def _explained(cosines: Tensor, of_document: Tensor, in_document: Tensor) -> Tensor:
    """How much of the passage, by weight, is near to some piece of the query."""
    near = functional.relu(cosines).amax(1, keepdim=True)
    return _dot(near, of_document) / (_dot(of_document, in_document) + TINY)
