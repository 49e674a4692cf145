"""Word vectors from counts: by the neighbours of a word, and by its translations.

Positive pointwise mutual information with contexts smoothed by the power 0.75, then a truncated SVD
(Levy, Goldberg and Dagan 2015). Words with the same translations are synonyms (Bannard and
Callison-Burch 2005), where words with the same neighbours may be opposites.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds

from .vocabulary import SPECIAL

NEAR, FAR = 3, 10  # tokens; nearer neighbours count by their side, too
SMOOTHING = 0.75
POWER = 0.25  # of the singular values
EVIDENCE = 8  # occurrences from which translations are believed at all, and by half
SHARE = 0.7  # of the translations in the vectors by neighbours


def made(
    passages: Sequence[np.ndarray],
    links: sparse.csr_matrix,
    seen: np.ndarray,
    sizes: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors by neighbours, of length one, and by translations, shorter where less was seen.

    A class without neighbours or translations has zeros.

    Args:
        passages: The stem classes of each passage, with 0 between sentences.
        links: How often a class is linked to each foreign word, [classes, foreign].
        seen: How often each class occurs in the translated text, [classes].
        sizes: Dimensions of the two.
    """
    classes = len(seen)
    belief = np.where(seen >= EVIDENCE, seen / (seen + EVIDENCE), 0.0)
    translated = (sparse.diags(belief) @ _information(links)).tocsr()
    near = _information(_neighbours(passages, classes, NEAR, directed=True))
    far = _information(_neighbours(passages, classes, FAR, directed=False))
    blocks = [near, far, translated]
    shares = [1.0, 1.0, SHARE]
    scaled = [
        block * (share / sparse.linalg.norm(block))
        for block, share in zip(blocks, shares, strict=True)
    ]
    by_neighbours = _decomposed(sparse.hstack(scaled).tocsr(), sizes[0])
    by_translations = _decomposed(translated, sizes[1]) * belief[:, None]
    return by_neighbours, by_translations.astype(np.float32)


def _neighbours(
    passages: Sequence[np.ndarray], classes: int, window: int, directed: bool
) -> sparse.csr_matrix:
    """Co-occurrences, each weighted by one over the distance; directed ones in two halves."""
    gap = np.zeros(window, np.int64)
    flat = np.concatenate([part for passage in passages for part in (passage, gap)])
    counts = sparse.csr_matrix((classes, classes), dtype=np.float32)
    for distance in range(1, window + 1):
        left, right = flat[:-distance], flat[distance:]
        both = (left >= len(SPECIAL)) & (right >= len(SPECIAL))
        weights = np.full(both.sum(), 1 / distance, np.float32)
        counts += sparse.csr_matrix((weights, (left[both], right[both])), shape=counts.shape)
    return sparse.hstack([counts, counts.T]).tocsr() if directed else (counts + counts.T).tocsr()


def _information(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    table = counts.tocoo()
    rows = np.asarray(counts.sum(1)).ravel()
    contexts = np.asarray(counts.sum(0)).ravel() ** SMOOTHING
    contexts /= contexts.sum()
    information = np.log(table.data / (rows[table.row] * contexts[table.col]))
    kept = information > 0
    return sparse.csr_matrix(
        (information[kept], (table.row[kept], table.col[kept])), shape=counts.shape
    )


def _decomposed(matrix: sparse.csr_matrix, dimensions: int) -> np.ndarray:
    start = np.random.default_rng(0).standard_normal(min(matrix.shape)).astype(np.float32)
    left, values, _ = svds(matrix.astype(np.float32), k=dimensions, v0=start)
    vectors = left * values**POWER
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(norms, 1e-9) * (norms > 1e-9)).astype(np.float32)
