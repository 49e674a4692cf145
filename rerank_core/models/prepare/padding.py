"""Models that pool a row's last token tell padding by its id; ours is told by the attention mask."""

from __future__ import annotations

import inspect
from typing import Any

__all__ = ["make_padding_neutral"]


def make_padding_neutral(model: Any) -> None:
    """Let no token behind the attention mask be the one that a decoder pools.

    transformers pools the last token whose id is not `pad_token_id`, whatever the attention mask
    says; rows are padded with zeros here, and a model may have no such id at all: then the last token
    is pooled, as transformers does it for a row alone.
    """
    if not hasattr(model, "score"):  # the head of every decoder; encoders have a classifier
        return
    pad = model.config.pad_token_id
    if pad is None or pad < 0:
        pad = model.config.pad_token_id = -1  # no token's id
        # Masked, so it does not matter which vector it gets.
        model.get_input_embeddings().register_forward_pre_hook(
            lambda _, inputs: (inputs[0].clamp_min(0),)
        )

    def replace(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = inspect.signature(module.forward).bind(*args, **kwargs)
        ids, mask = given.arguments["input_ids"], given.arguments["attention_mask"]
        given.arguments["input_ids"] = ids.masked_fill(mask == 0, pad)
        return given.args, given.kwargs

    model.register_forward_pre_hook(replace, with_kwargs=True)
