"""`lpc verify`: tries on a program everything that must hold of it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpc.cli.extras import require
from lpc.cli.json_numbers import finite
from lpc.cli.options import color_option, file_argument, set_option
from lpc.cli.programs import Settings, check, findings, say, show, status
from lpc.cli.refusal import Refusal, system_says
from lpc.cli.tables import number, seconds, table
from lpc.version import VERSION

if TYPE_CHECKING:
    from lpc.laws.verification import Check

SECONDS = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "": 1.0}
BUDGET = re.compile(r"(?P<value>\d+(?:\.\d+)?)(?P<unit>ms|s|min|h|)")


def _seconds(_ctx: click.Context, _option: click.Parameter, value: str) -> float:
    found = BUDGET.fullmatch(value)
    if found is None:
        raise click.BadParameter(f"`{value}`: write a time, as in 30s or 5min")
    return float(found["value"]) * SECONDS[found["unit"]]


@click.command("verify", epilog="Example: lpc verify digits.lp --budget 2min")
@file_argument
@set_option
@click.option(
    "--budget", default="30s", show_default=True, callback=_seconds, metavar="TIME", help="How long to try things."
)
@click.option("--seed", default=0, show_default=True, help="Of initial values and data; the same seed tries the same.")
@click.option(
    "--save", type=click.Path(file_okay=False), metavar="DIR", help="Write counterexamples there, as programs."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@color_option
def command(file: str, settings: Settings, budget: float, seed: int, save: str | None, as_json: bool) -> int:
    """Try on a program everything that must hold of it, on synthetic data, with fewer units.

    Each variant's script against the reference interpreter; every law of its rules and of all programs; the claims of the file.
    Exit status 1 where something does not hold.
    """
    checked = check(file, None, settings)
    if checked.errors:
        show([findings(file, checked)])
        return status(checked.diagnostics)
    require("laws", "lpc verify")
    from lpc.laws import verification

    checks = verification.checks_of(checked, settings, seed)
    verification.verify(checks, budget)
    broken = [each for each in checks if each.tried.broken is not None]
    saved = _saved(broken, Path(save)) if save is not None else []
    if as_json:
        click.echo(json.dumps({"version": 1, "lpc": VERSION, "checks": [facts(each) for each in checks]}, indent=2))
        return 1 if broken else 0
    click.echo(text_of(checks))
    for each in broken:
        click.echo(f"\n{each.heading}\n{each.tried.broken}")
    for path in saved:
        say(f"wrote {path}")
    say(_last_line(checks, budget))
    return 1 if broken else 0


def text_of(checks: Sequence[Check]) -> str:
    """What was tried, a line each; then what was not, and why."""
    tried = [each for each in checks if each.tried.was_tried]
    rows = [
        [
            each.of, each.tried.name, each.tried.verdict,
            number(each.tried.examples), _worst(each), seconds(each.tried.seconds),
        ]
        for each in tried
    ]  # fmt: skip
    parts = (
        [table(["of", "checked", "", "examples", "largest difference", "time"], rows, right=(3, 4, 5))] if rows else []
    )
    for verdict in ("not applicable", "not tried"):
        others = [f"  {each.of}: {each.tried.name}: {reason(each)}" for each in checks if each.tried.verdict == verdict]
        parts += ["\n".join([f"{verdict}:", *others])] if others else []
    return "\n\n".join(parts)


def reason(each: Check) -> str:
    """Why something was not tried, or could not be."""
    tried = each.tried
    return tried.left or (tried.reasons.most_common(1)[0][0] if tried.reasons else "")


def _worst(each: Check) -> str:
    return "" if not each.tried.was_tried else f"{each.tried.worst:.1g}" if each.tried.worst else "0"


def _last_line(checks: Sequence[Check], budget: float) -> str:
    counts = {
        verdict: [c for c in checks if c.tried.verdict == verdict]
        for verdict in ("holds", "broken", "not applicable", "not tried")
    }
    parts = [f"{len(found)} {verdict}" for verdict, found in counts.items() if found]
    line = ", ".join(parts)
    if any(each.out_of_time for each in counts["not tried"]):
        line += f": {seconds(budget)} were not enough; a longer --budget tries the rest"
    return line


def _saved(broken: Sequence[Check], folder: Path) -> list[Path]:
    """Counterexamples as programs, each with what it shows in its first lines. Raises Refusal where they cannot be written."""
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for at, each in enumerate(broken, start=1):
            assert each.tried.broken is not None
            path = folder / f"counterexample{at}.lp"
            notes = "".join(f"# {line}\n" for line in f"{each.heading}\n{each.tried.broken.shown}".splitlines())
            path.write_text(notes + each.tried.broken.text, encoding="utf-8")
            written.append(path)
    except OSError as problem:
        raise Refusal(f"cannot write to {folder}: {system_says(problem)}") from problem
    return written


def facts(each: Check) -> dict[str, Any]:
    """One line of the table, for JSON; what is not finite is null."""
    tried = each.tried
    return {
        "of": each.of,
        "variant": each.variant or None,
        "checked": tried.name,
        "kind": tried.kind,
        "verdict": tried.verdict,
        "examples": tried.examples,
        "largest_difference": finite(tried.worst) if tried.was_tried else None,
        "seconds": round(tried.seconds, 3),
        "reason": reason(each) or None if not tried.examples else None,
        "counterexample": None if tried.broken is None else {"shown": tried.broken.shown, "program": tried.broken.text},
    }
