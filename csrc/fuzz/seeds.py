"""Writes the inputs that a fuzz run starts from: `python -m csrc.fuzz.seeds build/fuzz`."""
# ruff: noqa: INP001, S311

import random
import sys
from pathlib import Path

from tests import hostile

_RECIPE = 40  # bytes that tell fuzz_encode which tokenizer to make
_BERT = 24  # tokenizers that it has besides
_LOADERS = 10  # of fuzz_load
_CHARACTERS = rb"0123456789+-.eE=/{}[]\spLNM,^"  # of numbers, base64 and regular expressions


def _encode(rng: random.Random, text: str) -> bytes:
    which = rng.randrange(2 * _BERT)
    recipe = rng.randbytes(_RECIPE) if which >= _BERT else b""
    flags = rng.randrange(256) & ~1  # text as it stands
    return rng.randbytes(4) + bytes([flags, which]) + recipe + text.encode()


def _load(rng: random.Random, text: str) -> bytes:
    body = bytes(rng.choices(_CHARACTERS, k=rng.randrange(30))), rng.randbytes(rng.randrange(300))
    return bytes([rng.randrange(_LOADERS)]) + rng.choice(body) + text.encode()[:100]


def main() -> None:
    """Write them."""
    rng = random.Random(0)
    for name, make in (("encode", _encode), ("load", _load)):
        folder = Path(sys.argv[1], name)
        folder.mkdir(parents=True, exist_ok=True)
        for index, text in enumerate(hostile.texts(400, seed=0, longest=8)):
            (folder / f"seed-{index}").write_bytes(make(rng, text))


if __name__ == "__main__":
    main()
