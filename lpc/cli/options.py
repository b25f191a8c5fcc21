"""Options that several commands share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

FORMATS = ("human", "json", "github", "sarif")
"""Ways to print diagnostics: the keys of `lpc.report_formats.FORMATS`, which is loaded when there is something to print."""


def _set_color(ctx: click.Context, _option: click.Parameter, choice: str | None) -> None:
    if choice is not None:
        ctx.color = {"always": True, "never": False, "auto": None}[choice]


color_option = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    expose_value=False,
    callback=_set_color,
    help="When to colour; `auto`: on a terminal, unless NO_COLOR is set.",
)


def colored(err: bool = False) -> bool:
    """Whether what is printed now may be coloured, on standard output or standard error."""
    ctx = click.get_current_context(silent=True)
    if ctx is not None and ctx.color is not None:
        return ctx.color
    stream = sys.stderr if err else sys.stdout
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


format_option = click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="human",
    help="How to print diagnostics.",
)


def _pairs(_ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    pairs = []
    for value in values:
        place, equals, text = value.partition("=")
        if not (place.strip() and equals and text.strip()):
            raise click.BadParameter(f"`{value}`: write NAME=VALUE, as in --set width=64 or --set train.batch=32")
        pairs.append((place.strip(), text.strip()))
    return tuple(pairs)


set_option = click.option(
    "--set",
    "settings",
    metavar="PLACE=VALUE",
    multiple=True,
    callback=_pairs,
    help="Set a `let` by its name, or another value by its place (train.batch).",
)


def _complete_variant(ctx: click.Context, _option: click.Parameter, incomplete: str) -> list[str]:
    """The variants of the file on the command line, as far as it can be read."""
    from lpc.cli.programs import variants_of

    names: list[str] = []
    for file in [ctx.params.get("file"), *(ctx.params.get("files") or ()), *ctx.args]:
        if isinstance(file, str) and file.endswith(".lp"):
            with suppress(OSError):
                names += [name for name in variants_of(file) if name not in names]
    return [name for name in names if name.startswith(incomplete)]


variant_option = click.option(
    "--variant",
    metavar="NAME",
    shell_complete=_complete_variant,
    help="A variant of the program; `base` is the program without one.",
)

file_argument = click.argument("file", metavar="FILE", type=click.Path(allow_dash=True))
"""One program; `-` is standard input."""

files_argument = click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(allow_dash=True))


def settings_for(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, listed in the order given."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


program_options = settings_for(file_argument, variant_option, set_option)
"""What names one program: a file, a variant, values from outside."""
