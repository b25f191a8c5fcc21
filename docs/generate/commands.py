"""The page of commands, from the command line's own definitions."""

from __future__ import annotations

import click

from docs.generate.markdown import GENERATED, fenced, page, sentence, table
from lpc.cli.commands import COMMANDS, lpc

EXIT = [
    ["0", "fine"],
    ["1", "the program has errors, or what was looked for differs (`fmt --check`, `diff`)"],
    ["2", "wrong usage: an option, a file, a folder"],
    ["3", "a bug in lpc, which says what to report; `LPC_DEBUG=1` shows the traceback"],
    ["130", "interrupted"],
]


def whole() -> str:
    context = click.Context(lpc, info_name="lpc")
    names = [(name, lpc.get_command(context, name)) for name in COMMANDS]
    return page(
        "# Commands",
        GENERATED,
        "Options come in any order, before or after files; `-` is standard input. The last line of a command says where"
        " things went and what to type next. Colour: `--color auto|always|never`, `NO_COLOR`.",
        table(
            ["command", "what it does"],
            [[f"[`lpc {name}`](#lpc-{name})", summary] for name, (_, summary) in COMMANDS.items()],
        ),
        table(["exit status", "meaning"], EXIT),
        "`lpc run` passes the script's exit status on: [script.md](script.md#exit-status).",
        *(command_page(context, name, command) for name, command in names if command is not None),
    )


def command_page(parent: click.Context, name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name, parent=parent)
    usage = " ".join(["lpc", name, *command.collect_usage_pieces(context)])
    options = [option for option in command.params if isinstance(option, click.Option) and option.name != "color"]
    example = (command.epilog or "").removeprefix("Example: ")
    return page(
        f"## `lpc {name}`",
        fenced(usage, "text"),
        *(sentence(paragraph) for paragraph in (command.help or "").split("\n\n")),
        table(["option", "meaning"], [[spelling(option), option.help or ""] for option in options]) if options else "",
        f"Example: `{example}`" if example else "",
    ).rstrip("\n")


def spelling(option: click.Option) -> str:
    """`-o, --output FILE`, or its choices."""
    names = ", ".join([*option.opts, *option.secondary_opts])
    if option.is_flag:
        return f"`{names}`"
    choices = option.type.choices if isinstance(option.type, click.Choice) else ()
    value = "|".join(choices) or option.metavar or option.type.name.upper()
    return f"`{names} {value}`"
