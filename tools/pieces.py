"""A file in pieces, for machines to which only so much can be carried at once.

`python -m tools.pieces split FILE FOLDER [--megabytes 56]` writes FILE.000, FILE.001, ... and FILE.sha256;
once all of them lie in one folder there, `python -m tools.pieces join FOLDER` puts each file together again
and checks it. It needs nothing but Python.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

MEGABYTE = 1 << 20


def split(file: Path, folder: Path, megabytes: int) -> list[Path]:
    """Write the pieces of a file, and its hash; give the pieces."""
    folder.mkdir(parents=True, exist_ok=True)
    found = hashlib.sha256()
    pieces: list[Path] = []
    with file.open("rb") as source:
        while block := source.read(megabytes * MEGABYTE):
            found.update(block)
            pieces.append(folder / f"{file.name}.{len(pieces):03}")
            pieces[-1].write_bytes(block)
    (folder / f"{file.name}.sha256").write_text(found.hexdigest())
    return pieces


def join(folder: Path) -> list[Path]:
    """Put together every file whose pieces are there.

    Raises:
        ValueError: A piece is missing, or not what it was.
    """
    joined = []
    for said in sorted(folder.glob("*.sha256")):
        whole = said.with_suffix("")
        found = hashlib.sha256()
        with whole.open("wb") as target:
            for piece in sorted(folder.glob(f"{whole.name}.[0-9][0-9][0-9]")):
                block = piece.read_bytes()
                found.update(block)
                target.write(block)
        if found.hexdigest() != said.read_text():
            whole.unlink()
            raise ValueError(f"{whole} is not what was split: a piece is missing or was cut")
        joined.append(whole)
    return joined


def main(arguments: list[str] | None = None) -> None:
    """Split a file, or join all files of a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True, dest="command")
    splitting = commands.add_parser("split")
    splitting.add_argument("file", type=Path)
    splitting.add_argument("folder", type=Path)
    splitting.add_argument("--megabytes", type=int, default=56)
    joining = commands.add_parser("join")
    joining.add_argument("folder", type=Path)
    given = parser.parse_args(arguments)
    if given.command == "split":
        made = split(given.file, given.folder, given.megabytes)
    else:
        made = join(given.folder)
    print(*made, sep="\n", file=sys.stdout)


if __name__ == "__main__":
    main()
