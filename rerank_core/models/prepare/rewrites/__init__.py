"""Rewrites of a graph that change no score, each by its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rerank_core.errors import InvalidArgumentError, ModelError
from rerank_core.models.prepare.rewrites.absorb import absorb_projections
from rerank_core.models.prepare.rewrites.attention import fuse_attention
from rerank_core.models.prepare.rewrites.first_token import keep_first_token
from rerank_core.models.prepare.rewrites.fold import fold_constants
from rerank_core.models.prepare.rewrites.no_mask import drop_mask
from rerank_core.models.prepare.rewrites.plumbing import fix_shapes
from rerank_core.models.prepare.rewrites.prune import prune_ends
from rerank_core.models.prepare.rewrites.scale import fold_scales
from rerank_core.models.prepare.trials import logits

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import onnx_ir as ir
    from numpy.typing import NDArray

    from rerank_core.models.prepare.sampler import Sampler

__all__ = ["REWRITES", "Applied", "Rewrite", "apply_rewrites"]


@dataclass(frozen=True)
class Rewrite:
    """One way to make a graph faster.

    Attributes:
        name: What it is called on the command line and in rerank_core.json.
        does: What it does, in a few words.
        apply: Does it, in place.
        devices: Where it is of use.
        keeps_mask: Whether padded rows keep their scores too.
    """

    name: str
    does: str
    apply: Callable[[ir.Model, Sampler], None]
    devices: tuple[str, ...] = ("cpu", "cuda")
    keeps_mask: bool = True


REWRITES = (
    Rewrite("prune", "outputs and inputs that no score needs removed", prune_ends),
    Rewrite("shapes", "what is computed about shapes alone made constant", fix_shapes),
    Rewrite("first-token", "the last layer computed for the first token only", keep_first_token),
    Rewrite("scales", "products with a number carried out on the weights", fold_scales),
    # An engine on a CPU pads no row (ARCHITECTURE.md, "The plan"); on a GPU it does.
    Rewrite(
        "no-mask",
        "the attention mask taken out, where no row is padded",
        drop_mask,
        devices=("cpu",),
        keeps_mask=False,
    ),
    Rewrite(
        "absorb",
        "keys and values of the last layer, whose query is one token, never made",
        absorb_projections,
        devices=("cpu",),
        keeps_mask=False,
    ),
    Rewrite(
        "attention",
        "one operator for all of attention, without its transposes",
        fuse_attention,
        devices=("cpu",),
    ),
)


@dataclass(frozen=True)
class Applied:
    """What a rewrite did to a graph.

    Attributes:
        name: Of the rewrite.
        nodes: Nodes of the graph before and after.
        max_difference: Largest difference of a logit before and after, on random rows.
    """

    name: str
    nodes: tuple[int, int]
    max_difference: float


def apply_rewrites(
    model: ir.Model,
    sampler: Sampler,
    *,
    device: str,
    without: Collection[str] = (),
    tolerance: float = 1e-5,
) -> list[Applied]:
    """Apply all rewrites of use on a device, and run the graph before and after each.

    Args:
        without: Names of rewrites to leave out.
        tolerance: Difference of a logit that rounding may make, where logits are about one.

    Raises:
        InvalidArgumentError: There is no rewrite of such a name.
        ModelError: A rewrite changed scores; the graph is no longer what it was.
    """
    unknown = set(without) - {rewrite.name for rewrite in REWRITES}
    if unknown:
        raise InvalidArgumentError(
            f"there is no rewrite {', '.join(sorted(unknown))}; there are "
            f"{', '.join(rewrite.name for rewrite in REWRITES)}"
        )
    fold_constants(model)
    done = []
    known: dict[bool, NDArray[np.float32]] = {}  # of the graph as it is, by whether rows are padded
    for rewrite in REWRITES:
        if rewrite.name in without or device not in rewrite.devices:
            continue
        if rewrite.keeps_mask not in known:
            known[rewrite.keeps_mask] = logits(model, sampler, is_padded=rewrite.keeps_mask)
        before, size = known[rewrite.keeps_mask], len(model.graph)
        rewrite.apply(model, sampler)
        fold_constants(model)
        after = logits(model, sampler, is_padded=rewrite.keeps_mask)
        known = {rewrite.keeps_mask: after}
        difference = float(np.abs(after - before).max())
        allowed = max(tolerance, 2 * float(np.finfo(before.dtype).eps))  # of logits in fp16
        if not difference <= allowed * max(1.0, float(np.abs(before).max())):
            raise ModelError(
                f"the rewrite {rewrite.name} changes a logit of this graph by {difference:.2g}, which is "
                f"more than rounding; leave it out (--without {rewrite.name}), and please report the model"
            )
        done.append(Applied(rewrite.name, (size, len(model.graph)), difference))
    return done
