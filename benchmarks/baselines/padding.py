"""How many tokens a contender's model is given, and how many of them are padding."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Padding:
    """Counts the tokens of attention masks.

    `counted` gives padded and real tokens so far; a library that counts them itself puts its own there.
    """

    def __init__(self) -> None:
        self.counted: Callable[[], tuple[int, int]] = lambda: (self._padded, self._real)
        self._padded = self._real = 0
        self._lock = Lock()
        self._before = (0, 0)

    def start(self) -> None:
        self._before = self.counted()

    def ratio(self) -> float:
        """Give padded over real tokens since the start."""
        padded, real = (now - then for now, then in zip(self.counted(), self._before, strict=True))
        return padded / real

    def see(self, mask: Any) -> None:
        """Count a mask: an array or tensor of rows x width."""
        with self._lock:
            self._padded += int(mask.shape[0] * mask.shape[1])
            self._real += int(mask.sum())

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
