"""The functions a step may map over values without differentiating them: one entry each.

`text` has `{0}`, `{1}` for the values and `{name}` for attributes; numbers print by `repr`. Functions with a name of their own
live in `lpc/runtime/functions.py`, which scripts take along; the interpreter has its own, plain definitions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from lpc.ir.step import Kind

Attributes = Mapping[str, object]
Infer = Callable[[tuple[Kind, ...], Attributes], Kind]


def _same(kinds: tuple[Kind, ...], _attributes: Attributes) -> Kind:
    return kinds[0]


def _classes(kinds: tuple[Kind, ...], attributes: Attributes) -> Kind:
    return Kind("batch", (*kinds[0].shape, _int(attributes, "classes")), kinds[0].streams)


def _per_example(kinds: tuple[Kind, ...], _attributes: Attributes) -> Kind:
    return replace(kinds[0], shape=())


def _flat(kinds: tuple[Kind, ...], _attributes: Attributes) -> Kind:
    return replace(kinds[0], shape=(kinds[0].size // kinds[0].streams,))


def _shaped(kinds: tuple[Kind, ...], attributes: Attributes) -> Kind:
    shape = attributes["shape"]
    assert isinstance(shape, tuple)
    return replace(kinds[0], shape=shape)


def _with_ones(kinds: tuple[Kind, ...], _attributes: Attributes) -> Kind:
    return replace(kinds[0], shape=(kinds[0].shape[0] + 1,))


def _two(kinds: tuple[Kind, ...], _attributes: Attributes) -> Kind:
    return replace(kinds[0], streams=2)


def _sweep(kinds: tuple[Kind, ...], attributes: Attributes) -> Kind:
    return replace(kinds[0], streams=_int(attributes, "classes"))


def _fold(kinds: tuple[Kind, ...], _attributes: Attributes) -> Kind:
    return Kind("batch", (kinds[0].streams,))


def _rows(kinds: tuple[Kind, ...], attributes: Attributes) -> Kind:
    rows, columns = kinds[0].shape
    return replace(
        kinds[0], shape=(_int(attributes, "stop") - _int(attributes, "start"), columns) if rows else (0, columns)
    )


def _row(kinds: tuple[Kind, ...], _attributes: Attributes) -> Kind:
    return replace(kinds[0], shape=kinds[0].shape[1:])


def _int(attributes: Attributes, name: str) -> int:
    value = attributes[name]
    assert isinstance(value, int)
    return value


@dataclass(frozen=True)
class Function:
    """One entry. `flops` are counted an element of the first value; `imports` are names of `lpc/runtime/functions.py`."""

    name: str
    text: str
    infer: Infer = _same
    flops: int = 1
    imports: tuple[str, ...] = ()
    atom: bool = True
    """The text can stand inside an expression without parentheses."""
    of_numbers: str = ""
    """Instead of `text`, where the first value has one number an example."""

    def spelled(self, kind: Kind) -> str:
        """The text for a first value of this kind."""
        return self.text if kind.shape or not self.of_numbers else self.of_numbers


FUNCTIONS: dict[str, Function] = {
    function.name: function
    for function in (
        Function("add", "{0} + {1}", atom=False),
        Function("subtract", "{0} - {1}", atom=False),
        Function("scale", "{factor} * {0}", atom=False),
        Function("zeros", "torch.zeros_like({0})", flops=0),
        Function("flatten", "{0}.flatten(1)", infer=_flat, flops=0, of_numbers="{0}.unsqueeze(1)"),
        Function("unflatten", "{0}.unflatten(1, {shape})", infer=_shaped, flops=0),
        Function("softmax", "{0}.softmax(1)", flops=5),
        Function("sparsemax", "sparsemax({0})", flops=10, imports=("sparsemax",)),
        Function("log", "{0}.clamp_min(1e-30).log()", flops=2),
        Function("normalise", "normalise({0})", flops=3, imports=("normalise",)),
        Function("goodness", "goodness({0}, {kind})", infer=_per_example, flops=2, imports=("goodness",)),
        Function(
            "label_streams", "label_streams({0}, {1}, {2}, {classes})", infer=_two, flops=0, imports=("label_streams",)
        ),
        Function(
            "write_neutral_label", "write_neutral_label({0}, {classes})", flops=0, imports=("write_neutral_label",)
        ),
        Function("sweep_labels", "sweep_labels({0}, {classes})", infer=_sweep, flops=0, imports=("sweep_labels",)),
        Function("fold_sweep", "{0}.view({classes}, -1).T", infer=_fold, flops=0),
        Function("one_hot", "F.one_hot({0}, {classes}).to(torch.get_default_dtype())", infer=_classes, flops=0),
        Function("per_example", "per_example({0})", imports=("per_example",)),
        Function("averaged", "averaged({0})", imports=("averaged",)),
        Function("with_ones", "F.pad({0}, (0, 1), value=1.0)", infer=_with_ones, flops=0),
        Function("count", "len({0})", infer=lambda _kinds, _: Kind("fixed", (), dtype="f64"), flops=0),
        Function("rows", "{0}[{start}:{stop}]", infer=_rows, flops=0),
        Function("row", "{0}[{at}]", infer=_row, flops=0),
        Function("transpose", "{0}.T", infer=lambda kinds, _: replace(kinds[0], shape=kinds[0].shape[::-1]), flops=0),
    )
}
