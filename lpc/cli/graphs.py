"""The graph of blocks as text for tools that draw: Mermaid, Graphviz; and as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lpc.passes.explanation import Explanation


@dataclass(frozen=True)
class Box:
    """A block, or a name of the data: what is written on it, and its stage (0: data)."""

    name: str
    lines: tuple[str, ...]
    rule: str
    stage: int


@dataclass(frozen=True)
class Graph:
    """Boxes in topological order, and arrows between them by name."""

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[tuple[str, str], ...]

    @property
    def rules(self) -> list[str]:
        """The rules, in the order in which they are met."""
        return list(dict.fromkeys(box.rule for box in self.boxes if box.rule))


def graph_of(explanation: Explanation) -> Graph:
    """Data that some block reads, and the blocks."""
    read = {one.name for block in explanation.blocks for one in block.inputs}
    data = [Box(one.name, (one.name, one.type), "", 0) for one in explanation.data if one.name in read]
    blocks = [Box(b.name, (b.shown, b.type, b.rule), b.rule, b.stage) for b in explanation.blocks]
    arrows = [(one.name, block.name) for block in explanation.blocks for one in block.inputs]
    title = explanation.program + (f", variant {explanation.variant}" if explanation.variant else "")
    return Graph(title, (*data, *blocks), tuple(arrows))


def print_graph(explanation: Explanation, form: str) -> str:
    """The graph as `mermaid`, `dot` or `svg`."""
    graph = graph_of(explanation)
    if form == "svg":
        from lpc.cli.picture import draw

        return draw(graph)
    return "\n".join(_mermaid(graph) if form == "mermaid" else _dot(graph)) + "\n"


def _stages(graph: Graph) -> Iterator[tuple[int, list[Box]]]:
    """Boxes by stage, data first; one group where there is one stage."""
    stages = sorted({box.stage for box in graph.boxes if box.stage})
    if len(stages) < 2:
        yield 0, list(graph.boxes)
        return
    for stage in [0, *stages]:
        yield stage, [box for box in graph.boxes if box.stage == stage]


def _mermaid(graph: Graph) -> Iterator[str]:
    """Names of a program are identifiers, and types hold brackets: in quotes both are safe. `b_`: `end` is Mermaid's word."""
    yield "flowchart TD"
    for stage, boxes in _stages(graph):
        indent = "    " if not stage else "        "
        if stage:
            yield f'    subgraph stage{stage}["stage {stage}"]'
        for box in boxes:
            opening, closing = ("[", "]") if box.rule else ("([", "])")
            yield f'{indent}b_{box.name}{opening}"{"<br/>".join(box.lines)}"{closing}'
        if stage:
            yield "    end"
    for tail, head in graph.arrows:
        yield f"    b_{tail} --> b_{head}"


def _dot(graph: Graph) -> Iterator[str]:
    yield f'digraph "{graph.title}" {{'
    yield '    node [shape=box, fontname="sans-serif"];'
    for stage, boxes in _stages(graph):
        indent = "    " if not stage else "        "
        if stage:
            yield f'    subgraph "cluster_{stage}" {{'
            yield f'        label="stage {stage}";'
        for box in boxes:
            text = "\\n".join(box.lines)
            shape = "" if box.rule else ", shape=ellipse"
            yield f'{indent}"{box.name}" [label="{text}"{shape}];'
        if stage:
            yield "    }"
    for tail, head in graph.arrows:
        yield f'    "{tail}" -> "{head}";'
    yield "}"
