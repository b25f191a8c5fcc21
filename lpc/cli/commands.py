"""The commands by name. A command's module is imported when the command runs: `lpc fmt` never loads a graph library."""

from __future__ import annotations

import importlib
from typing import Any

import click

from lpc.cli.options import color_option
from lpc.cli.refusal import Refusal
from lpc.diagnostics import nearest
from lpc.version import LANGUAGE, VERSION

COMMANDS: dict[str, tuple[str, str]] = {
    "new": ("new", "write a first program: NAME, or one for the table FILE.csv"),
    "check": ("check", "say what is wrong with programs"),
    "fmt": ("fmt", "put programs into the one layout"),
    "explain": ("explain", "show what the compiler makes of a program, or what a code means"),
    "compile": ("compile", "write a program's training script"),
    "run": ("run", "compile a program and train it"),
    "bench": ("bench", "train all variants of a program and compare them"),
    "tune": ("tune", "try values for each search(...) of a program, and write down the best"),
    "report": ("report", "make a page, tables or other tools' files of a bench or a run"),
    "show": ("show", "print one run"),
    "compare": ("compare", "compare two runs, or two folders of runs"),
    "diff": ("diff", "show how a script differs from what lpc writes"),
    "where": ("where", "name the block that a script's line comes from"),
    "verify": ("verify", "try on a program everything that must hold of it"),
    "equiv": ("equiv", "say whether two programs learn the same"),
    "rules": ("rules", "list the learning rules, or describe one"),
    "laws": ("laws", "list the laws that rules and programs obey, or describe some"),
    "ops": ("ops", "list the operations, or describe one"),
    "measure": ("measure", "say what energy can be measured here, or measure a command"),
    "env": ("env", "say what this machine can train on and measure with"),
    "completion": ("completion", "print the completion script of a shell"),
}
"""Name to module and one line, in the order in which `lpc --help` lists them."""


class Commands(click.Group):
    """A group whose commands come out of the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"lpc.cli.{COMMANDS[cmd_name][0]}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not ctx.resilient_parsing and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise Refusal(unknown_command(args[0]))
        return super().resolve_command(ctx, args)


def unknown_command(name: str) -> str:
    if name.endswith(".lp"):
        return (
            f"what shall be done with {name}? `lpc check {name}`, `lpc run {name}`, ... (lpc --help lists the commands)"
        )
    near = nearest(name, COMMANDS)
    return f"there is no command `{name}`; " + (f"did you mean `{near}`?" if near else "lpc --help lists them")


def print_version(ctx: click.Context, _option: click.Parameter, wanted: Any) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"lpc {VERSION} (language {LANGUAGE})")
        ctx.exit()


@click.group(
    "lpc",
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="First steps: lpc new digits, then lpc run digits.lp",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=print_version,
    help="Print the versions of lpc and its language.",
)
@color_option
def lpc() -> None:
    """Compile a network and a choice of learning rules into a training script.

    Exit status: 0 fine, 1 the program has errors, 2 wrong usage, 3 a bug in lpc; `run` passes on that of the script.
    """
