"""`lpc ops`: the operations, read off the catalogue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from lpc.cli.options import color_option
from lpc.cli.refusal import Refusal
from lpc.cli.tables import bullets, definitions, paragraph
from lpc.diagnostics import nearest

if TYPE_CHECKING:
    from lpc.ir.op import Operation


def _complete(_ctx: click.Context, _argument: click.Parameter, incomplete: str) -> list[str]:
    from lpc.ir import ops

    return [name for name in ops.names() if name.startswith(incomplete)]


@click.command("ops", epilog="Example: lpc ops conv")
@click.argument("name", required=False, shell_complete=_complete)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@color_option
def command(name: str | None, as_json: bool) -> int:
    """List the operations that a block can be made of, or describe one."""
    from lpc.ir import ops

    if as_json:
        every = {"version": 1, "operations": [facts(operation) for operation in ops.every().values()]}
        click.echo(json.dumps(facts(find(name)) if name else every, indent=2))
    elif name:
        click.echo(described(find(name)))
    else:
        click.echo(definitions([(form(operation), operation.summary) for operation in ops.every().values()]))
        click.echo("\n`lpc ops NAME` has an operation's arguments and an example.")
    return 0


def find(name: str) -> Operation:
    """The operation of that name. Raises Refusal with the nearest name."""
    from lpc.ir import ops

    found = ops.find(name)
    if found is None:
        near = nearest(name, ops.names())
        raise Refusal(
            f"there is no operation `{name}`; " + (f"did you mean `{near}`?" if near else "`lpc ops` lists them")
        )
    return found


def form(operation: Operation) -> str:
    """How it is written with what it cannot do without: `conv(channels, kernel)`."""
    from lpc.ir.op import REQUIRED

    required = [argument.name for argument in operation.arguments if argument.default is REQUIRED]
    return operation.name + (f"({', '.join(required)})" if required else "")


def described(operation: Operation) -> str:
    """One operation as a page."""
    from lpc.cli.signatures import parameters_text
    from lpc.passes.signatures import of_operation

    parts = [
        paragraph(f"{form(operation)}: {operation.summary}"),
        bullets(conditions(operation)),
        parameters_text(of_operation(operation)),
        f"Example: block name = {operation.example}" if operation.example else "",
    ]
    return "\n\n".join(filter(None, parts))


def conditions(operation: Operation) -> list[str]:
    """What is particular about it, a sentence each."""
    least, most = operation.inputs
    inputs = (
        "any number of tensors"
        if most is None and least <= 1
        else f"{least} or more tensors"
        if most is None
        else f"{most} tensors"
    )
    said = {
        f"takes {inputs}": (least, most) != (1, 1),
        "has weights": operation.module is not None and operation.foreign is None,
        "is linear: feedback can take the place of its weight on the way back": operation.linear,
        "draws random numbers while training": operation.random,
        "couples the examples of a batch": operation.batch_coupled,
        "has no derivative": not operation.differentiable,
        "is code of your own, which the script imports when it starts; lpc never does": operation.foreign is not None,
    }
    return [sentence for sentence, holds in said.items() if holds]


def facts(operation: Operation) -> dict[str, Any]:
    """Everything about one operation, for JSON."""
    from lpc.cli.signatures import as_json
    from lpc.passes.signatures import of_operation

    return {
        "name": operation.name,
        "summary": operation.summary,
        "inputs": operation.inputs,
        "linear": operation.linear,
        "differentiable": operation.differentiable,
        "random": operation.random,
        "batch_coupled": operation.batch_coupled,
        "parameters": [as_json(parameter) for parameter in of_operation(operation).parameters],
        "example": operation.example,
    }
