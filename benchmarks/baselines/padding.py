"""How many tokens a contender's model is given, and how many of them are padding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Padding:
    """Counts the tokens of attention masks, while it is told to."""

    def __init__(self) -> None:
        self.is_counting = False
        self.padded = self.real = 0

    def see(self, mask: Any) -> None:
        """Count a mask: an array or tensor of rows x width."""
        if self.is_counting:
            self.padded += int(mask.shape[0] * mask.shape[1])
            self.real += int(mask.sum())

    def watch(self, owner: Any, method: str, mask_of: Callable[..., Any]) -> None:
        """Look at each call of a method; `mask_of` takes its arguments."""
        inner = getattr(owner, method)

        def watched(*args: Any, **kwargs: Any) -> Any:
            self.see(mask_of(*args, **kwargs))
            return inner(*args, **kwargs)

        setattr(owner, method, watched)

    def watch_session(self, session: Any) -> None:
        """Look at each run of an `onnxruntime.InferenceSession`."""
        self.watch(session, "run", lambda _outputs, inputs, *_: inputs["attention_mask"])
