"""Step functions: from a traced phase to the text of a Python function."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lpc.codegen.attributes import Attributes
from lpc.codegen.inline import top_level_names
from lpc.codegen.kept import Chains
from lpc.codegen.layout import WIDTH
from lpc.codegen.lines import Line, mark
from lpc.codegen.names import allocate, identifier
from lpc.codegen.prefix import Prefix
from lpc.codegen.roll import roll
from lpc.codegen.schedule import Mode, schedule
from lpc.codegen.segments import Spelling
from lpc.codegen.statements import StatementPrinter
from lpc.ir.network import Network
from lpc.ir.step import Node, Unit, Value, live
from lpc.rules.tracer import TracedPhase

CONTEXT = frozenset({"torch", "nn", "F", "sys"})


@dataclass(frozen=True)
class StepFunction:
    """A step as text, and what the script around it needs to know."""

    name: str
    text: str
    columns: tuple[str, ...]
    optimizers: Mapping[str, Sequence[Unit]]
    imports: frozenset[str]
    mode: Mode


class FunctionPrinter:
    """Prints the functions of one program: what all of them share is here."""

    def __init__(
        self, network: Network, attributes: Attributes, heads: Mapping[str, str], kind: Callable[[str], str]
    ) -> None:
        self.network, self.attributes, self.heads, self.kind = network, attributes, heads, kind
        self.chains: Chains = {b.name: b.chain for b in network.blocks if b.chain is not None}
        self.parameters = {name: identifier(name) for name in network.data}
        self.taken = {*top_level_names(), *CONTEXT, "net", "optimizer", "step", "losses", "k"}

    def step(
        self, phase: TracedPhase, name: str, doc: Sequence[str], mode: Mode, prefix: Prefix | None = None
    ) -> StepFunction:
        """The function of one phase's step: (net, optimizer, *data, step) -> (losses, scores).

        With a prefix, its outputs and what else is read of the data stand in the data's place.
        """
        given = self._given(prefix)
        listed = any(length >= 3 for length in self.network.chains.values())
        made = schedule(phase, path=_path, mode=mode, listed=listed, kind=self.kind)
        lines = self._introduced(roll(made.lines, self.chains, made.named))
        body = self._finished(lines, made.named, phase.nodes, given=given)
        data = self.parameters.values() if prefix is None else [self.parameters[name] for name in prefix.data]
        signature = ", ".join(["net", "optimizer", *given.values(), *data, "step"])
        quiet = not any(node.primitive == "vjp" for node in phase.nodes)
        head = ["@torch.no_grad()"] if quiet else []
        text = [*head, f"def {name}({signature}):", *_docstring(doc), *(f"    {line}" for line in body)]
        return StepFunction(name, "\n".join(text), made.columns, made.optimizers, made.imports, mode)

    def _given(self, prefix: Prefix | None) -> dict[str, str]:
        """Names of a prefix's outputs, by value."""
        given: dict[str, str] = {}
        if prefix is None:
            return given
        for value in prefix.outputs:
            name = identifier(prefix.name(value), {*self.taken, *self.parameters.values(), *given.values()})
            given[f"{value.key[0]}.{value.key[1]}"] = name
        return given

    def prefix(self, prefix: Prefix, name: str) -> str:
        """What is computed once: (net, *data) -> (*outputs, *data that the step reads)."""
        printer = StatementPrinter(prefix.nodes, Spelling(), _path, prefix.outputs, gradients=False, training=False)
        for node in prefix.nodes:
            printer.statement(node)
        returned = [printer.read(value) for value in prefix.outputs] + [self.parameters[name] for name in prefix.data]
        printer.add(f"return {', '.join(returned)}{',' if len(returned) == 1 else ''}")
        body = self._finished(roll(printer.lines, self.chains, printer.named), printer.named, prefix.nodes)
        doc = [
            "What the frozen blocks make of a batch, and what else a step reads: computed once, kept for every pass."
        ]
        signature = ", ".join(["net", *self.parameters.values()])
        return "\n".join([f"def {name}({signature}):", *_docstring(doc), *(f"    {line}" for line in body)])

    def own_score(self, phase: TracedPhase, block: str, name: str) -> tuple[str, frozenset[str]]:
        """A block judged by its own loss: (net, *data) -> (loss, None)."""
        loss = next(n.inputs[0] for n in phase.nodes if n.primitive == "record" and n.attributes["of"] == block)
        plain = [n for n in phase.nodes if n.primitive not in ("update", "put", "record", "vjp", "grad")]
        frozen = {n.unit.block for n in plain if n.unit is not None}
        nodes = live(plain, [loss], frozen)
        printer = StatementPrinter(nodes, Spelling(), _path, (loss,), gradients=False, training=False)
        for node in nodes:
            printer.statement(node)
        printer.add(f"return {printer.read(loss)}, None")
        body = self._finished(roll(printer.lines, self.chains, printer.named), printer.named, nodes)
        signature = ", ".join(["net", *self.parameters.values(), "step=0"])
        doc = [f"The loss of {block} alone: what its turn is judged by."]
        text = [f"def {name}({signature}):", *_docstring(doc), *(f"    {line}" for line in body)]
        return "\n".join(text), frozenset(printer.imports)

    def finish(self, nodes: Sequence[Node], name: str, doc: Sequence[str]) -> tuple[str, frozenset[str]]:
        """What happens once when a phase ends: (net) -> None."""
        printer = StatementPrinter(nodes, Spelling(), _path, (), gradients=False)
        for node in nodes:
            printer.statement(node)
            if node.primitive == "put":
                printer.write(node)
        body = self._finished(self._introduced(roll(printer.lines, self.chains, printer.named)), printer.named, nodes)
        text = ["@torch.no_grad()", f"def {name}(net):", *_docstring(doc), *(f"    {line}" for line in body)]
        return "\n".join(text), frozenset(printer.imports)

    def forward(self, nodes: Sequence[Node], prediction: Value) -> tuple[list[str], list[str], frozenset[str]]:
        """The body of `Network.forward`, the data it reads, and what it uses."""
        printer = StatementPrinter(nodes, Spelling(), _path, (prediction,), gradients=False, training=False)
        for node in nodes:
            printer.statement(node)
        printer.add(f"return {printer.read(prediction)}")
        body = _returned(
            self._finished(roll(printer.lines, self.chains, printer.named), printer.named, nodes, root="self")
        )
        read = {str(node.attributes["source"]) for node in nodes if node.primitive == "input"}
        return body, [name for name in self.network.data if name in read], frozenset(printer.imports)

    def _introduced(self, lines: list[Line]) -> list[Line]:
        """A comment where each block's lines begin."""
        seen: set[str] = set()
        for line in lines:
            if line.block and line.block not in seen and line.depth == 0:
                seen.add(line.block)
                if line.block in self.heads:
                    line.lead = self.heads[line.block]
        return lines

    def _finished(
        self,
        lines: list[Line],
        named: Mapping[str, str],
        nodes: Sequence[Node],
        root: str = "net",
        given: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Names given, `no_grad` put around what must not be recorded, marks replaced."""
        sources = {f"{n.index}.0": str(n.attributes["source"]) for n in nodes if n.primitive == "input"}
        values = {key: self.parameters[source] for key, source in sources.items() if source in self.parameters}
        values |= given or {}
        target = [key for key, source in sources.items() if source not in self.parameters]
        if target:
            arguments = ", ".join(self.parameters.values())
            lines = [Line(f"{mark('v', target[0])} = target_of({arguments})", writes=(target[0],)), *lines]
            named = {**named, target[0]: "target"}
        names = allocate(lines, named, values, {*self.taken, *values.values(), *self.parameters.values()})
        texts: list[str] = []
        for line, extra in _quieted(lines):
            indent = "    " * (line.depth + extra)
            if line.lead:
                texts.append(f"{indent}# {line.lead}")
            comment = f"  # {line.comment}" if line.comment else ""
            texts.append(indent + self.attributes.text(line.text, names, root) + comment)
        return texts


def _returned(body: list[str]) -> list[str]:
    """A value that is named only to be returned is returned."""
    name = body[-1].removeprefix("return ")
    target, _, value = body[-2].partition(" = ") if len(body) > 1 else ("", "", "")
    return [*body[:-2], f"return {value}"] if target == name else body


def _path(state_name: str) -> str:
    return mark("p", state_name)


def _quieted(lines: Sequence[Line]) -> list[tuple[Line, int]]:
    """Lines with the indentation that `with torch.no_grad():` adds; lines between two quiet ones join them."""
    made: list[tuple[Line, int]] = []
    at = 0
    while at < len(lines):
        if not lines[at].quiet:
            made.append((lines[at], 0))
            at += 1
            continue
        end = at
        for later in range(at + 1, len(lines)):
            if lines[later].depth < lines[at].depth or lines[later].recorded or not lines[later].writes:
                break
            if lines[later].quiet and lines[later].depth == lines[at].depth:
                end = later
        head = Line("with torch.no_grad():", depth=lines[at].depth, lead=lines[at].lead)
        made.append((head, 0))
        lines[at].lead = ""
        made += [(line, 1) for line in lines[at : end + 1]]
        at = end + 1
    return made


def _docstring(doc: Sequence[str]) -> list[str]:
    """A docstring: a line, then short paragraphs, wrapped."""
    first, *rest = doc
    if not rest:
        return [f'    """{first}"""']
    wrapped = [line for paragraph in rest for line in textwrap.wrap(paragraph, WIDTH - 4)]
    return [f'    """{first}', "", *(f"    {line}" for line in wrapped), '    """']
