"""Pages of reports, made and looked at."""

from __future__ import annotations

from html.parser import HTMLParser

from lpc.cli.report import pictures
from lpc.lab.findings import Findings
from lpc.lab.listings import listings
from lpc.lab.page import page


def html(findings: Findings) -> str:
    listed = listings(findings.entries)
    return page(findings, listed, pictures(listed))


class Seen(HTMLParser):
    """Elements with their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())
