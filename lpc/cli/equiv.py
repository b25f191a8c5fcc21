"""`lpc equiv`: whether two programs, or two variants of one, learn the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpc.cli.extras import require
from lpc.cli.json_numbers import finite
from lpc.cli.options import color_option, set_option
from lpc.cli.programs import Settings, check, findings, show, status
from lpc.cli.refusal import Refusal
from lpc.cli.tables import definitions

if TYPE_CHECKING:
    from lpc.ir.program import Program
    from lpc.laws.equivalence import Asked, Equivalence

UP_TO = ("scale", "initialisation")


def _matches(_ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for value in values:
        old, equals, new = (part.strip() for part in value.partition("="))
        if not (old and equals and new):
            raise click.BadParameter(f"`{value}`: write OLD=NEW, a block of the first program and one of the second")
        if old in found or new in found.values():
            raise click.BadParameter(f"`{value}`: `{old if old in found else new}` is matched already")
        found[old] = new
    return found


@click.command("equiv", epilog="Example: lpc equiv digits.lp digits.lp --up-to scale")
@click.argument("file", metavar="FILE", type=click.Path(allow_dash=True))
@click.argument("other", metavar="[FILE]", required=False, type=click.Path(allow_dash=True))
@click.option("--variants", nargs=2, metavar="NAME NAME", help="A variant of each; of one file, the two to compare.")
@click.option(
    "--match",
    metavar="OLD=NEW",
    multiple=True,
    callback=_matches,
    help="A block or a chain, and its name in the second.",
)
@click.option("--steps", metavar="N", type=click.IntRange(min=1), default=5, help="How many steps are taken (5).")
@click.option("--tolerance", metavar="X", type=float, help="What may differ, as a part of a tensor's movement (1e-10).")
@click.option(
    "--seed", metavar="N", type=click.IntRange(min=0), help="In place of the programs' own; two more follow it."
)
@click.option("--up-to", "up_to", type=click.Choice(UP_TO), multiple=True, help="What does not count as a difference.")
@set_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@color_option
def command(
    file: str, other: str | None, variants: tuple[str, str] | None, settings: Settings, as_json: bool, **options: Any
) -> int:
    """Say whether two programs learn the same: whether, from the same examples, they hold the same after every step.

    Both are trained by the reference interpreter in float64, on made-up examples of the declared types, from three seeds, and
    compared tensor by tensor, by name. `--up-to scale`: steps from the same values may differ by one constant factor.
    `--up-to initialisation`: the second program starts from the first one's values. Exits with 0 where they learn the same,
    else with 1 and the first difference.
    """
    if other is None and variants is None:
        raise click.UsageError("name two programs, or one and two of its variants: --variants base NAME")
    if options["tolerance"] is not None and not options["tolerance"] > 0:
        raise click.UsageError("--tolerance is a number above 0")
    require("laws", "comparing programs")
    found: list[Program] = []
    for path, variant in zip((file, other or file), variants or ("base", "base"), strict=True):
        checked = check(path, variant, settings)
        if checked.errors:
            show([findings(path, checked)], err=True)
            return status(checked.diagnostics)
        found.append(checked.program)
    names = _names(file, other, variants)
    result = compare((found[0], found[1]), names, options)
    click.echo(json.dumps(as_object(result, names), indent=2) if as_json else text_of(result, names, options["up_to"]))
    return 0 if result.same else 1


def _names(file: str, other: str | None, variants: tuple[str, str] | None) -> tuple[str, str]:
    """How the two are called: by their files, by their variants, or by both."""
    if other is None:
        assert variants is not None
        return f"`{variants[0]}`", f"`{variants[1]}`"
    first, second = Path(file).name, Path(other).name
    if first == second:
        first, second = file, other
    if variants is None:
        return first, second if first != second else "itself"
    return f"`{variants[0]}` of {first}", f"`{variants[1]}` of {second}"


def compare(programs: tuple[Program, Program], names: tuple[str, str], options: dict[str, Any]) -> Equivalence:
    """Raises Refusal where they cannot be compared."""
    from lpc.laws.equivalence import Asked, Mismatch, equivalent
    from lpc.laws.sides import Untried

    given: dict[str, Any] = {"steps": options["steps"], "seed": options["seed"], "match": options["match"]}
    if options["tolerance"] is not None:
        given["tolerance"] = options["tolerance"]
    asked: Asked = Asked(
        **given, scale="scale" in options["up_to"], initialisation="initialisation" in options["up_to"]
    )
    try:
        return equivalent(*programs, names, asked)
    except (Mismatch, Untried) as problem:
        raise Refusal(f"{names[0]} and {names[1]} cannot be compared: {problem}") from problem


def text_of(found: Equivalence, names: tuple[str, str], up_to: tuple[str, ...]) -> str:
    from lpc.laws.differences import part

    verb = "learn the same" if found.same else "do not learn the same"
    lines = [f"{names[0]} and {names[1]} {verb}" + "".join(f", up to {what}" for what in up_to)]
    rows: list[tuple[str, str]] = []
    if found.difference is not None:
        rows.append(("differs", found.difference.told(*names, found.factor)))
        if not found.difference.step and "initialisation" not in up_to:
            rows.append(("", "`--up-to initialisation` starts the second from the first one's values"))
    if found.problem:
        rows.append(("differs", found.problem))
    if found.note:
        rows.append(("note", found.note))
    seeds = ", ".join(f"{one}" if one == other else f"{one} and {other}" for one, other in found.seeds)
    rows.append(("tried", f"{found.steps} steps from seed{'s' * (len(found.seeds) > 1)} {seeds}"))
    if found.tensors:
        size = f", the largest difference {part(found.largest)} of a movement" if found.same else ""
        rows.append(("compared", f"{len(found.tensors)} tensors{size}"))
    if found.factor is not None:
        rows.append(("factor", f"a step of {names[0]} is {found.factor:.6g} times one of {names[1]}"))
    for name, tensors in zip(names, found.alone, strict=True):
        if tensors:
            rows.append(("left out", f"only in {name}: {', '.join(f'`{tensor}`' for tensor in tensors)}"))
    rows += [("not compared", text) for text in found.unlike]
    return "\n".join([*lines, definitions(rows, indent=2)])


def as_object(found: Equivalence, names: tuple[str, str]) -> dict[str, Any]:
    """The same for machines; what is not finite is null."""
    difference = found.difference
    shown = None
    if difference is not None:
        shown = {
            "tensor": difference.tensor,
            "block": difference.block,
            "phase": difference.phase,
            "step": difference.step,
            "entry": list(difference.entry),
            "values": [finite(difference.left), finite(difference.right)],
            "difference": finite(difference.difference),
            "relative": finite(difference.relative),
            "shapes": None if difference.shapes is None else [list(shape) for shape in difference.shapes],
        }
    return {
        "version": 1,
        "programs": list(names),
        "same": found.same,
        "difference": shown,
        "problem": found.problem,
        "note": found.note,
        "steps": found.steps,
        "seeds": [list(pair) for pair in found.seeds],
        "examples": [list(rows) for rows in found.rows],
        "tensors": list(found.tensors),
        "largest": finite(found.largest),
        "factor": None if found.factor is None else finite(found.factor),
        "alone": [list(tensors) for tensors in found.alone],
        "unlike": list(found.unlike),
    }
