"""The graph of blocks as an SVG picture, laid out in layers (Sugiyama, Tagawa, Toda 1981) without any library.

Each box stands a layer below the lowest of what it reads. An arrow over several layers gets a bend in each of them, so that it
leads around boxes. Within layers the order comes from the mean place of what is read, then of what reads. Only whole and
half points are used: the picture is the same everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.sax.saxutils import escape

from lpc.cli.graphs import Box, Graph

LETTER, LINE = 8, 18
"""Points of a monospaced letter, across and down."""
MARGIN, GAP, DROP = 24, 28, 44
"""Points around the picture, between neighbours, and between layers."""
BEND = 12
"""Width kept free for an arrow that passes a layer."""
SWEEPS = 4
MOST_BENDS = 20_000
"""Beyond so many, arrows are drawn straight."""
FILLS = ("#dbeafe", "#dcfce7", "#fef3c7", "#fce7f3", "#ede9fe", "#ffedd5", "#cffafe", "#e5e7eb")
"""One for each rule, in the order in which rules are met."""
FONT = 'text-anchor="middle" font-family="monospace" font-size="13"'
HEAD = (
    '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0 8 4 0 8z" fill="#555"/></marker>'
)
"""The head of an arrow."""


@dataclass
class Place:
    """A box, or the bend of an arrow where `box` is None. `x` is its middle, `y` its top."""

    box: Box | None
    layer: int
    width: int
    height: int
    x: float = 0.0
    y: float = 0.0


def draw(graph: Graph) -> str:
    """The picture as the text of an SVG file."""
    places, paths = _placed(graph)
    layers = _layers(places, paths)
    _spread(places, layers)
    width = max(place.x + place.width / 2 for place in places.values()) + MARGIN
    height = max(place.y + place.height for place in places.values()) + MARGIN
    fills = {rule: FILLS[at % len(FILLS)] for at, rule in enumerate(graph.rules)}
    size = f'width="{_n(width)}" height="{_n(height)}" viewBox="0 0 {_n(width)} {_n(height)}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
        f"<title>{escape(graph.title)}</title>",
        f"<defs>{HEAD}</defs>",
        '<rect width="100%" height="100%" fill="#fff"/>',
        *(_arrow([places[name] for name in path]) for path in paths),
        *(text for place in places.values() if place.box is not None for text in _box(place, place.box, fills)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _placed(graph: Graph) -> tuple[dict[str, Place], list[list[str]]]:
    """Boxes and bends by name, in their layers but nowhere in them yet; and each arrow as the names it passes."""
    layer = {box.name: 0 for box in graph.boxes}
    into: dict[str, list[str]] = {box.name: [] for box in graph.boxes}
    for tail, head in graph.arrows:
        into[head].append(tail)
    for box in graph.boxes:  # topological order
        layer[box.name] = max((layer[tail] + 1 for tail in into[box.name]), default=0)
    places = {
        box.name: Place(box, layer[box.name], LETTER * max(map(len, box.lines)) + 24, LINE * len(box.lines) + 14)
        for box in graph.boxes
    }
    bends = sum(layer[head] - layer[tail] - 1 for tail, head in graph.arrows)
    paths = []
    for number, (tail, head) in enumerate(graph.arrows):
        path = [tail]
        for level in range(layer[tail] + 1, layer[head]) if bends <= MOST_BENDS else ():
            path.append(f"{number}/{level}")
            places[path[-1]] = Place(None, level, BEND, 0)
        paths.append([*path, head])
    return places, paths


def _layers(places: Mapping[str, Place], paths: Sequence[Sequence[str]]) -> list[list[str]]:
    """Names by layer, ordered so that arrows cross little: each goes to the mean place of its neighbours, layer by layer."""
    layers: list[list[str]] = [[] for _ in range(max(place.layer for place in places.values()) + 1)]
    for name, place in places.items():
        layers[place.layer].append(name)
    above: dict[str, list[str]] = {name: [] for name in places}
    below: dict[str, list[str]] = {name: [] for name in places}
    for path in paths:
        for tail, head in pairwise(path):
            above[head].append(tail)
            below[tail].append(head)
    at = {name: index for layer in layers for index, name in enumerate(layer)}
    for sweep in range(SWEEPS):
        near = above if sweep % 2 == 0 else below
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            layer.sort(key=lambda name: _mean([at[other] for other in near[name]], at[name]))
            at.update((name, index) for index, name in enumerate(layer))
    return layers


def _mean(numbers: Sequence[int], otherwise: int) -> float:
    return sum(numbers) / len(numbers) if numbers else float(otherwise)


def _spread(places: Mapping[str, Place], layers: Sequence[Sequence[str]]) -> None:
    """Give every layer its height and every place its point, layers centred on one line."""
    widths = [sum(places[name].width + GAP for name in layer) - GAP for layer in layers]
    y = float(MARGIN)
    for layer, width in zip(layers, widths, strict=True):
        x = MARGIN + (max(widths) - width) / 2
        height = max(places[name].height for name in layer)
        for name in layer:
            place = places[name]
            place.x, place.y = x + place.width / 2, y if place.box is not None else y + height / 2
            x += place.width + GAP
        y += height + DROP


def _arrow(path: Sequence[Place]) -> str:
    """From the foot of the first place, through the bends, to the head of the last: straight down at each."""
    x, y = path[0].x, path[0].y + path[0].height
    text = f"M{_n(x)} {_n(y)}"
    for place in path[1:]:
        middle = (y + place.y) / 2
        text += f"C{_n(x)} {_n(middle)} {_n(place.x)} {_n(middle)} {_n(place.x)} {_n(place.y)}"
        x, y = place.x, place.y
    return f'<path d="{text}" fill="none" stroke="#555" marker-end="url(#head)"/>'


def _box(place: Place, box: Box, fills: Mapping[str, str]) -> list[str]:
    left, rounding = place.x - place.width / 2, 4 if box.rule else place.height / 2
    shape = f'x="{_n(left)}" y="{_n(place.y)}" width="{place.width}" height="{place.height}" rx="{_n(rounding)}"'
    lines = [f'<rect {shape} fill="{fills.get(box.rule, "#fff")}" stroke="#555"/>']
    for at, text in enumerate(box.lines):
        weight = ' font-weight="bold"' if at == 0 else ""
        y = place.y + LINE * (at + 1) + 2
        lines.append(f'<text x="{_n(place.x)}" y="{_n(y)}" {FONT}{weight}>{escape(text)}</text>')
    return lines


def _n(value: float) -> str:
    """A number of points, to the hundredth, without needless digits."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
