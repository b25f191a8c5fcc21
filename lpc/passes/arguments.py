"""Arguments against a signature: which parameter each fills, whether its value fits, and what is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lpc.diagnostics import Diagnostic, Edit, Report, error, nearest
from lpc.passes.signatures import Parameter, Signature, matched
from lpc.passes.values import Hole, example, read
from lpc.source import Span
from lpc.syntax import tree


@error("LP110")
class UnknownArgument(Diagnostic):
    """Every operation, function, data source, optimizer and rule takes the arguments its entry lists, and no others.

    A name that is not listed is never passed over: a misspelt setting that is silently ignored costs a training run.
    `lpc ops` and `lpc rules NAME` list what there is.
    """

    title = "{what} `{callee}` has no argument `{name}`"
    label = "not an argument of `{callee}`"
    notes = ("it takes {known}",)
    help = "did you mean `{nearest}`?"
    bad = example("linear(64, bais = false)")
    good = example("linear(64, bias = false)")
    what: str
    callee: str
    name: str
    known: str
    nearest: str = ""


@error("LP111")
class TooManyArguments(Diagnostic):
    """More positional arguments than there are parameters. Past the first one or two, write arguments by name."""

    title = "{what} `{callee}` takes {most}, found {found}"
    label = "one too many"
    notes = ("it takes {known}",)
    bad = example("linear(64, true, 3)")
    good = example("linear(64, true)")
    what: str
    callee: str
    most: str
    found: int
    known: str = ""


@error("LP112")
class RepeatedArgument(Diagnostic):
    """An argument has one value. Positional arguments come first and fill parameters in the order the entry lists them."""

    title = "`{name}` of `{callee}` is given twice"
    label = "given again"
    bad = example("linear(64, outputs = 32)")
    good = example("linear(64)")
    callee: str
    name: str


@error("LP113")
class MissingArgument(Diagnostic):
    """An argument without a default has to be written: nothing that could stand in for it would suit most networks."""

    title = "{what} `{callee}` needs `{name}`"
    label = "`{name}` is missing"
    notes = ("`{name}`: {summary}",)
    help = "write `{shown}`"
    bad = example("linear")
    good = example("linear(64)")
    what: str
    callee: str
    name: str
    summary: str = ""
    shown: str = ""


@dataclass(frozen=True)
class Resolved:
    """What a call's arguments came to: all values by parameter, defaults included, and where the written ones stand.

    `complete` is False when a mistake was reported, or stands in a hole: nothing should be concluded from the values then.
    """

    values: Mapping[str, Any]
    spans: Mapping[str, Span] = field(default_factory=dict)
    complete: bool = True


Evaluate = Callable[[tree.Expr], tree.Expr]
Placed = Mapping[str, Sequence[tree.Argument]]
"""Arguments by the parameter they fill; more than one only where the parameter is variadic."""


def place(arguments: Sequence[tree.Argument], signature: Signature, span: Span, report: Report) -> tuple[Placed, bool]:
    """Which argument fills which parameter, and whether all of that was in order."""
    placed: dict[str, list[tree.Argument]] = {}
    positional = sum(1 for argument in arguments if argument.name is None)
    mistakes: list[Diagnostic] = []
    for argument, parameter in matched(arguments, signature):
        if parameter is None:
            mistakes.append(_unplaced(argument, signature, positional))
        elif parameter.name in placed and not (parameter.variadic and argument.name is None):
            mistakes.append(RepeatedArgument(span=argument.span, callee=signature.name, name=parameter.name))
        else:
            placed.setdefault(parameter.name, []).append(argument)
    left_out = (p for p in signature.parameters if p.required and p.name not in placed)
    mistakes.extend(_missing(parameter, signature, span) for parameter in left_out)
    for mistake in mistakes:
        report.add(mistake)
    return placed, not mistakes


def resolve(
    arguments: Sequence[tree.Argument],
    signature: Signature,
    span: Span,
    report: Report,
    evaluate: Evaluate = lambda expr: expr,
) -> Resolved:
    """Check arguments against a signature. `evaluate` finishes what only types can tell, as `classes(label)`."""
    placed, complete = place(arguments, signature, span, report)
    values: dict[str, Any] = {}
    spans: dict[str, Span] = {}
    for parameter in signature.parameters:
        written = placed.get(parameter.name, ())
        if not written:
            if not parameter.required:
                values[parameter.name] = parameter.default
            continue
        read_values: list[Any] = [
            read(evaluate(argument.value), parameter, signature.name, report, single=parameter.variadic)
            for argument in written
        ]
        complete = complete and not any(isinstance(value, Hole) for value in read_values)
        if parameter.variadic and complete:
            values[parameter.name] = tuple(size for value in read_values for size in value)
        else:
            values[parameter.name] = read_values[0]
        spans[parameter.name] = written[0].span
    return Resolved(values, spans, complete)


def _unplaced(argument: tree.Argument, signature: Signature, positional: int) -> Diagnostic:
    known = _known(signature)
    if argument.name is None:
        most = len(signature.parameters)
        counted = "no arguments" if most == 0 else "one argument" if most == 1 else f"{most} arguments"
        return TooManyArguments(
            span=argument.span, what=signature.what, callee=signature.name, most=counted, found=positional, known=known
        )
    near = nearest(argument.name, signature.names)
    return UnknownArgument(
        span=argument.name_span,
        what=signature.what,
        callee=signature.name,
        name=argument.name,
        known=known or "no arguments",
        nearest=near,
        edit=Edit(argument.name_span, near) if near else None,
    )


def _known(signature: Signature) -> str:
    return ", ".join(f"`{name}`" for name in signature.names)


def _missing(parameter: Parameter, signature: Signature, span: Span) -> Diagnostic:
    example_value = {"int": "64", "text": '"..."', "texts": '"..."', "sizes": "[64]"}
    shown = example_value.get(parameter.kind, "")
    return MissingArgument(
        span=span,
        what=signature.what,
        callee=signature.name,
        name=parameter.name,
        summary=parameter.summary,
        shown=f"{parameter.name} = {shown}" if shown else "",
    )


def split_inputs(
    arguments: Sequence[tree.Argument], most: int | None, piped: bool, is_tensor: Callable[[tree.Expr], bool]
) -> tuple[Sequence[tree.Argument], Sequence[tree.Argument]]:
    """The tensor inputs among an operation's arguments, which come first and without names, and the other arguments.

    `most`: how many inputs the operation takes, None for any number.
    """
    count = 0
    room = len(arguments) if most is None else most - (1 if piped else 0)
    for argument in arguments:
        if count >= room or argument.name is not None or not is_tensor(argument.value):
            break
        count += 1
    return arguments[:count], arguments[count:]
