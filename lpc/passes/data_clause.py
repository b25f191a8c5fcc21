"""The `data` clause: its source, the source's arguments, and the names it binds with their types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from lpc.diagnostics import Diagnostic, Edit, Report, error, nearest
from lpc.ir.program import DataUse
from lpc.ir.types import UNKNOWN, Edges, Label, Tensor, Type, Unknown
from lpc.passes import data_sources
from lpc.passes.arguments import resolve
from lpc.passes.data_source import DataSource
from lpc.passes.data_sources import SOURCES
from lpc.passes.scope import SOUND
from lpc.passes.values import is_hole
from lpc.source import Span
from lpc.syntax import tree

KINDS = ("f32", "i64", "class", "edges")
LARGEST = 2**31
"""Numbers an example may have."""


def _with_data(clause: str) -> str:
    return SOUND.replace("data image, label = digits()", clause)


@error("LP500")
class UnknownSource(Diagnostic):
    """Examples come from a source that lpc knows: a published set, a file (`csv`, `npz`, `text`), or made-up ones."""

    title = "there is no data source named `{name}`"
    label = "not a source"
    notes = ("sources: {known}",)
    help = "did you mean `{nearest}`?"
    bad = _with_data("data image, label = didgits()")
    good = SOUND
    name: str
    known: str
    nearest: str = ""


@error("LP501")
class SourceNotYet(Diagnostic):
    """The language has this source, and this version of lpc does not. `lpc --version` says which one this is."""

    title = "data source `{name}` is not in this version"
    label = "not there yet"
    bad = (
        'network example\ndata nodes, graph, label = planetoid("cora")\nblock readout = nodes -> gcn(7, edges = graph)\n'
        "objective cross_entropy(readout, label)\ntrain epochs = 1, batch = all\n"
    )
    good = SOUND
    name: str


@error("LP502")
class UntypedData(Diagnostic):
    """A file says nothing of its types until it is read, which `lpc check` does not do, so the program writes them."""

    title = "`{name}` needs a type"
    label = "`{source}` does not tell"
    help = "write `{name}: f32[11]` for numbers, `{name}: class[3]` for a label"
    bad = _with_data('data image, label: class[10] = npz("set.npz")')
    good = _with_data('data image: f32[64], label: class[10] = npz("set.npz")')
    name: str
    source: str


@error("LP503")
class WrongDataType(Diagnostic):
    """The types of published sets are known. Written ones are welcome, and have to agree."""

    title = "`{name}` of `{source}` is {known}, not {written}"
    label = "not what `{source}` gives"
    bad = _with_data("data image: f32[1, 28, 28], label = digits()")
    good = _with_data("data image: f32[1, 8, 8], label = digits()")
    name: str
    source: str
    known: str
    written: str


@error("LP504")
class TooManyNames(Diagnostic):
    """A source binds as many names as it has things to give: an image and its label, say."""

    title = "`{source}` gives {gives}, found {found} names"
    label = "one name too many"
    bad = _with_data("data image, label, weight = digits()")
    good = SOUND
    source: str
    gives: str
    found: int


@error("LP505")
class BadType(Diagnostic):
    """A type is `f32[1, 28, 28]`, a tensor without the axis of examples; `class[10]`, a label; `i64[128]`, tokens; or
    `edges`, a graph. Sizes are whole numbers from 1 on.
    """

    title = "{problem}"
    label = "not a type"
    notes = ("types: `f32[3, 32, 32]`, `class[10]`, `i64[128]`, `edges`",)
    help = "did you mean `{nearest}`?"
    bad = _with_data('data image: float[64], label: class[10] = npz("set.npz")')
    good = _with_data('data image: f32[64], label: class[10] = npz("set.npz")')
    problem: str
    nearest: str = ""


@error("LP506")
class NothingLeft(Diagnostic):
    """Validation and test parts are taken out of the training part, so something of it must be left."""

    title = "`{source}` has {examples} examples to train on, and {taken} are set aside"
    label = "leaves nothing to train on"
    bad = _with_data("data image, label = digits(validation = 5000)")
    good = _with_data("data image, label = digits(validation = 500)")
    source: str
    examples: int
    taken: int


@error("LP507")
class NoImages(Diagnostic):
    """`augment` mirrors and shifts images, `[channels, height, width]`."""

    title = "`augment` needs images, found {found}"
    label = "there is no image to change"
    bad = _with_data('data image: f32[64], label: class[10] = npz("set.npz", augment = flip)')
    good = _with_data('data image: f32[1, 8, 8], label: class[10] = npz("set.npz", augment = flip)')
    found: str


@error("LP508")
class NoEdges(Diagnostic):
    """The language has graphs, and this version checks networks that use them; its scripts read no edges from any source."""

    title = "`{name}` holds edges, which scripts of this version cannot read"
    label = "not there yet"
    bad = _with_data('data image: f32[64], graph: edges, label: class[10] = npz("set.npz")')
    good = _with_data('data image: f32[64], label: class[10] = npz("set.npz")')
    name: str


@error("LP509")
class WrongColumns(Diagnostic):
    """A name of a table takes as many numbers as it gets columns. The last name gets the columns of `target`, or the one of its
    own name; a name in the middle gets the column of its name; the first gets all that are left.
    """

    title = "`{name}` is {type}, and gets {gets}"
    label = "as many numbers as columns"
    bad = _with_data('data image: f32[4], label: class[10] = csv("t.csv", target = ["kind", "price"])')
    good = _with_data('data image: f32[4], label: class[10] = csv("t.csv", target = "kind")')
    name: str
    type: str
    gets: str


def use_data(clause: tree.Data, report: Report) -> DataUse:
    """What the clause says. A name whose type is a mistake is `Unknown`."""
    name = clause.source.name
    source = data_sources.find(name)
    if source is None:
        report.add(_unknown_source(clause.source))
        return DataUse(name, {}, tuple((b.name, UNKNOWN) for b in clause.bindings), clause.span)
    if not source.available:
        report.add(SourceNotYet(span=clause.source.name_span, name=name))
    resolved = resolve(clause.source.arguments, source.signature, clause.source.span, report)
    known = source.bound(resolved.values) if resolved.complete else None
    if known is not None and len(clause.bindings) > len(known):
        report.add(_too_many(clause, source, known))
    types = [_type(clause, source, index, known, report) for index in range(len(clause.bindings))]
    arguments = dict(resolved.values)
    if not source.reader and arguments.get("target", "") is None and len(clause.bindings) > 1:
        arguments["target"] = (clause.bindings[-1].name,)
    if resolved.complete:
        _check_shares(source, arguments, resolved.spans, report)
        _check_images(arguments, types, resolved.spans, report)
        if name == "csv":
            _check_columns(clause, arguments, types, report)
    if source.available:
        for binding, type_ in zip(clause.bindings, types, strict=True):
            if isinstance(type_, Edges):
                report.add(NoEdges(span=binding.span, name=binding.name))
    bindings = tuple((binding.name, type_) for binding, type_ in zip(clause.bindings, types, strict=True))
    return DataUse(name, arguments, bindings, clause.span)


def _unknown_source(call: tree.Call) -> Diagnostic:
    near = nearest(call.name, data_sources.names())
    known = ", ".join(f"`{name}`" for name, source in SOURCES.items() if source.available)
    edit = Edit(call.name_span, near) if near else None
    return UnknownSource(span=call.name_span, name=call.name, known=known, nearest=near, edit=edit)


def _too_many(clause: tree.Data, source: DataSource, known: Sequence[Type]) -> Diagnostic:
    extra = clause.bindings[len(known)]
    gives = " and ".join(str(type_) for type_ in known)
    return TooManyNames(span=extra.span, source=source.name, gives=gives, found=len(clause.bindings))


def _type(clause: tree.Data, source: DataSource, index: int, known: Sequence[Type] | None, report: Report) -> Type:
    binding = clause.bindings[index]
    written = None if binding.type is None else read_type(binding.type, report)
    if source.types is None:
        if written is None:
            report.add(UntypedData(span=binding.span, name=binding.name, source=source.name))
        return written or UNKNOWN
    if known is None or index >= len(known):
        return UNKNOWN
    given = known[index]
    if written is not None and not isinstance(written, Unknown) and str(written) != str(given):
        assert binding.type is not None
        report.add(
            WrongDataType(
                span=binding.type.span, name=binding.name, source=source.name, known=str(given), written=str(written)
            )
        )
    return given


def read_type(written: tree.TypeExpr, report: Report) -> Type:
    """The type a program wrote; `Unknown` after a mistake."""
    if written.kind not in KINDS:
        near = nearest(written.kind, KINDS)
        near = near or ("f32" if written.kind in ("float", "float32", "f64", "double") else "")
        report.add(BadType(span=written.span, problem=f"there is no type `{written.kind}`", nearest=near))
        return UNKNOWN
    if any(is_hole(size) for size in written.sizes):
        return UNKNOWN
    sizes = [size.value for size in written.sizes if isinstance(size, tree.Number) and isinstance(size.value, int)]
    problem = ""
    if len(sizes) < len(written.sizes) or any(size < 1 for size in sizes):
        problem = "sizes are whole numbers from 1 on"
    elif written.kind == "class" and len(sizes) != 1:
        problem = "a label has one number, how many classes there are: `class[10]`"
    elif written.kind == "edges" and sizes:
        problem = "`edges` has no sizes"
    elif prod(sizes) > LARGEST:
        problem = "one example of this type is larger than any machine's memory"
    if problem:
        report.add(BadType(span=written.span, problem=problem))
        return UNKNOWN
    if written.kind == "class":
        return Label(sizes[0])
    if written.kind == "edges":
        return Edges()
    return Tensor(tuple(sizes), "i64" if written.kind == "i64" else "f32")


def _check_shares(source: DataSource, arguments: Mapping[str, Any], spans: Mapping[str, Span], report: Report) -> None:
    examples = arguments.get("examples") or source.examples
    shares = [arguments.get(name) for name in ("validation", "test")]
    counts = [share * examples if isinstance(share, float) else share for share in shares if share and examples]
    only_shares = [share for share in shares if isinstance(share, float)]
    over = sum(only_shares) >= 1 if not examples else sum(counts) >= examples
    if over:
        span = next(spans[name] for name in ("test", "validation") if name in spans)
        known = examples or 100
        taken = round(sum(counts)) if examples else round(100 * sum(only_shares))
        report.add(NothingLeft(span=span, source=source.name, examples=known, taken=taken))


def _check_images(
    arguments: Mapping[str, Any], types: Sequence[Type], spans: Mapping[str, Span], report: Report
) -> None:
    if arguments.get("augment") and types and not isinstance(types[0], Unknown):
        first = types[0]
        if not (isinstance(first, Tensor) and first.dtype == "f32" and len(first.shape) == 3):
            report.add(NoImages(span=spans["augment"], found=str(first)))


def _check_columns(clause: tree.Data, arguments: Mapping[str, Any], types: Sequence[Type], report: Report) -> None:
    """All names of a table but the first get columns that are known; with targets and one name, that one does."""
    targets: Sequence[str] = arguments["target"] or ()
    last = len(clause.bindings) - 1
    for index, (binding, type_) in enumerate(zip(clause.bindings, types, strict=True)):
        gets = len(targets) if index == last and targets else 1 if index else None
        if gets is not None and isinstance(type_, Tensor | Label) and type_.size != gets:
            columns = f"{gets} columns" if gets > 1 else f"the column `{targets[0] if index == last else binding.name}`"
            report.add(WrongColumns(span=binding.span, name=binding.name, type=str(type_), gets=columns))
