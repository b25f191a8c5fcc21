"""What can be called in a program, and with what: operations, functions, data sources, optimizers, rules, losses.

One shape for all of them, so that arguments are checked, completed, overridden and listed in one way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lpc.ir.op import REQUIRED, Operation
from lpc.syntax import tree

Kind = Literal[
    "int",  # a whole number
    "float",  # a number or a percentage
    "bool",  # true or false
    "word",  # one of `words`
    "words",  # one of `words`, or a list of them
    "text",  # a string
    "texts",  # a string, or a list of them
    "sizes",  # a list of positive whole numbers
    "input",  # a name of the data
    "share",  # a whole number of examples, or a percentage of them
    "bytes",  # a quantity of memory
    "watts",  # a quantity of power
    "names",  # a list of names
    "call",  # one of `words`, perhaps with arguments
    "any",  # whatever a parameter of a function stands for
]

KIND_IN_WORDS: Mapping[str, str] = {
    "int": "a whole number",
    "float": "a number",
    "bool": "`true` or `false`",
    "text": "a string",
    "texts": "a string, or a list of strings",
    "sizes": "a list of whole numbers",
    "input": "a name of the data",
    "share": "a number of examples or a percentage, as `5000` or `10%`",
    "bytes": "an amount of memory, as `2GiB`",
    "watts": "a power, as `55W`",
    "names": "a list of names, as `[a, b]`",
}


@dataclass(frozen=True)
class Parameter:
    """One parameter. `words` are names it takes besides what its kind says (`batch = all`); bounds hold for numbers.

    `least` and `most` are included, `above` and `below` are not. A default of None means "left out".
    """

    name: str
    kind: Kind
    default: object = REQUIRED
    words: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    summary: str = ""
    variadic: bool = False
    """Takes all positional arguments from its place on, as `reshape(4, 8)`."""

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    @property
    def takes_names(self) -> bool:
        """Whether a bare name can stand here for something else than a `let`."""
        return self.kind in ("word", "words", "input", "names", "call", "bool", "any")

    @property
    def all_words(self) -> tuple[str, ...]:
        return ("true", "false") if self.kind == "bool" else self.words

    @property
    def expected(self) -> str:
        """What it takes, in words."""
        listed = ", ".join(f"`{word}`" for word in self.words)
        if self.kind in ("word", "call"):
            return f"one of {listed}"
        if self.kind == "words":
            return f"one of {listed}, or a list of them"
        own = KIND_IN_WORDS.get(self.kind, "a value")
        return f"{own} or {listed}" if listed else own


@dataclass(frozen=True)
class Signature:
    """The parameters of something that can be called; `what` names its kind in messages ("operation")."""

    name: str
    what: str
    parameters: tuple[Parameter, ...]

    def parameter(self, name: str) -> Parameter | None:
        return next((p for p in self.parameters if p.name == name), None)

    def at(self, position: int) -> Parameter | None:
        """The parameter that positional argument number `position` (from 0) fills."""
        if position < len(self.parameters):
            return self.parameters[position]
        last = self.parameters[-1] if self.parameters else None
        return last if last is not None and last.variadic else None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.parameters)


def of_operation(operation: Operation) -> Signature:
    parameters = (
        Parameter(
            a.name,
            a.kind,
            a.default,
            a.words,
            least=a.least,
            below=a.below,
            summary=a.summary,
            variadic=a.variadic,
        )
        for a in operation.arguments
    )
    return Signature(operation.name, "operation", tuple(parameters))


def of_function(function: tree.Def, *, piped: bool) -> Signature:
    """The parameters of a `def`, without the first where a pipe fills it."""
    listed = function.parameters[1 if piped else 0 :]
    parameters = (Parameter(p.name, "any", REQUIRED if p.default is None else p.default) for p in listed)
    return Signature(function.name, "function", tuple(parameters))


def matched(
    arguments: Sequence[tree.Argument], signature: Signature | None
) -> list[tuple[tree.Argument, Parameter | None]]:
    """Each argument with the parameter it fills, or None where there is none."""
    found: list[tuple[tree.Argument, Parameter | None]] = []
    position = 0
    for argument in arguments:
        if argument.name is None:
            found.append((argument, signature.at(position) if signature else None))
            position += 1
        else:
            found.append((argument, signature.parameter(argument.name) if signature else None))
    return found
