"""All generated pages, and the generated parts of written ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from docs.generate import commands, design, energy, errors, language, laws, operations, own_rule, readme, result, rules
from docs.generate.says import with_messages

ROOT = Path(__file__).resolve().parent.parent.parent
PART = re.compile(r"(<!-- generated: (?P<name>[a-z_]+) -->\n).*?(<!-- end -->)", re.DOTALL)
"""A part of a written page that comes from the code: everything between its two comments."""
WITH_PARTS = (
    "README.md",
    "docs/language.md",
    "docs/script.md",
    "docs/energy.md",
    "docs/tutorial.md",
    "docs/own_rule.md",
    "docs/design.md",
)
WHOLE = ("docs/rules", "docs/errors")
"""Folders that hold generated pages and nothing else."""


def written() -> dict[str, str]:
    """Every page with generated text, by its path, as it should be."""
    pages = {
        "docs/operations.md": operations.whole(),
        "docs/commands.md": commands.whole(),
        "docs/laws.md": laws.whole(),
    }
    pages |= {f"docs/rules/{name}": text for name, text in rules.pages().items()}
    pages |= {f"docs/errors/{name}": text for name, text in errors.pages().items()}
    made = parts()
    for name in WITH_PARTS:
        pages[name] = with_messages(with_parts((ROOT / name).read_bytes().decode(), made))
    return pages


def parts() -> dict[str, str]:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    return {
        **language.parts(),
        **design.parts(),
        **own_rule.parts(),
        "intensities": energy.intensities(),
        "result": result.keys(ROOT / "docs" / "result.schema.json"),
        "step": readme.step(page),
        "mistake": readme.mistake(page),
    }


def with_parts(text: str, made: Mapping[str, str]) -> str:
    """The page with its generated parts in place. A name that nothing generates is a KeyError."""
    return PART.sub(lambda found: f"{found[1]}\n{made[found['name']].strip()}\n\n{found[3]}", text)


def stale(pages: Mapping[str, str]) -> list[str]:
    """The pages that differ from what they should be, and files that should not be there."""
    differing = [name for name, text in pages.items() if not _is(ROOT / name, text)]
    found = [path.relative_to(ROOT).as_posix() for folder in WHOLE for path in (ROOT / folder).glob("*.md")]
    return sorted([*differing, *(name for name in found if name not in pages)])


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes().decode() == text
