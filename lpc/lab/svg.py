"""A picture of Matplotlib's, or of lpc's own, made fit to stand in a page among others.

Ids get a prefix, for a page is one namespace; colours become the page's own, so that a picture is read on a dark page too; a title
and a description say in words what is seen.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
LEFT_OUT = frozenset({f"{{{SVG}}}{name}" for name in ("metadata", "style", "title", "desc", "script")})
REFERENCE = re.compile(r"url\(#([^)]*)\)")
COLOUR = re.compile(r"#[0-9a-f]{3,6}\b", re.IGNORECASE)
FONT = re.compile(r"font:[^;]*?([\d.]+px)[^;]*")


def fitted(text: str, prefix: str, title: str, description: str, colours: Mapping[str, str]) -> str:
    """`colours`: `#d55e00` to the name of the page's variable for it."""
    root = ET.fromstring(text)  # noqa: S314 - written by this process
    for parent in root.iter():
        for child in [child for child in parent if child.tag in LEFT_OUT]:
            parent.remove(child)
    for element in root.iter():
        for name, value in element.attrib.items():
            element.set(name, _attribute(name, value, prefix, colours))
    named = f"{prefix}-title", f"{prefix}-desc"
    for at, (tag, words) in enumerate((("title", title), ("desc", description))):
        made = ET.Element(f"{{{SVG}}}{tag}", {"id": named[at]})
        made.text = words
        root.insert(at, made)
    width, height = root.get("width", ""), root.get("height", "")
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    size = float(width.removesuffix("pt")), float(height.removesuffix("pt"))
    root.set("viewBox", root.get("viewBox") or f"0 0 {size[0]:g} {size[1]:g}")
    root.set("style", f"max-width: {size[0]:g}px")
    root.set("role", "img")
    root.set("aria-labelledby", " ".join(named))
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", XLINK)
    return ET.tostring(root, encoding="unicode")


def _attribute(name: str, value: str, prefix: str, colours: Mapping[str, str]) -> str:
    if name == "id":
        return f"{prefix}-{value}"
    if name in ("href", f"{{{XLINK}}}href"):
        return f"#{prefix}-{value.removeprefix('#')}"
    value = REFERENCE.sub(lambda found: f"url(#{prefix}-{found[1]})", value)
    if name in ("style", "fill", "stroke"):
        value = FONT.sub(r"font-size: \1; font-family: inherit", value)
        value = COLOUR.sub(lambda found: _variable(found[0].lower(), colours), value)
    return value


def _variable(colour: str, colours: Mapping[str, str]) -> str:
    return f"var(--{colours[colour]}, {colour})" if colour in colours else colour
