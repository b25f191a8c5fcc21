"""Writes the generated pages of the documentation; `--check` only says which differ.

    python -m docs.generate [--check]

Pages that nothing generates any more are removed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from docs.generate.pages import ROOT, stale, written


def main(arguments: Sequence[str]) -> int:
    if arguments not in ([], ["--check"]):
        print("usage: python -m docs.generate [--check]", file=sys.stderr)
        return 2
    pages = written()
    differing = stale(pages)
    if arguments:
        for name in differing:
            print(f"{name} is not what the registries say: python -m docs.generate", file=sys.stderr)
        return 1 if differing else 0
    write(pages, differing)
    print(f"{len(differing)} of {len(pages)} pages written anew")
    return 0


def write(pages: Mapping[str, str], differing: Sequence[str]) -> None:
    """Write what differs; a page that nothing generates any more goes."""
    for name in differing:
        path = ROOT / name
        if name in pages:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pages[name].encode())
        else:
            path.unlink()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
