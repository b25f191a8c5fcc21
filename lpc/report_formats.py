"""Diagnostics for machines: JSON, GitHub annotations and SARIF, made from the same objects as the terminal's text."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lpc.diagnostics import CATALOGUE, Diagnostic
from lpc.render import render_all, summary
from lpc.source import Source, Span


@dataclass(frozen=True)
class Findings:
    """What was found in one file; `path` as the user wrote it, for tools that open the place."""

    source: Source
    diagnostics: Sequence[Diagnostic]
    path: str = ""

    @property
    def place(self) -> str:
        return self.path or self.source.name

    @property
    def shown(self) -> Source:
        """The source under the name that people read and open: a source's own has no folder."""
        return replace(self.source, name=self.place)


def human(findings: Sequence[Findings], color: bool = False) -> str:
    """Terminal text: every diagnostic with its lines, a summary a file."""
    return "\n".join(filter(None, (render_all(found.diagnostics, found.shown, color) for found in findings)))


def as_json(findings: Sequence[Findings]) -> str:
    """One object: files in order, each with its diagnostics; lines and columns count from 1, offsets from 0."""
    files = [
        {
            "file": found.place,
            "summary": summary(found.diagnostics, found.shown),
            "diagnostics": [_object(diagnostic, found.source) for diagnostic in found.diagnostics],
        }
        for found in findings
    ]
    return json.dumps({"version": 1, "files": files}, indent=2) + "\n"


def _object(diagnostic: Diagnostic, source: Source) -> dict[str, Any]:
    edit = diagnostic.edit
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "title": diagnostic.title_text,
        "label": diagnostic.label_text,
        "notes": list(diagnostic.note_texts),
        "help": diagnostic.help_text,
        "span": _range(diagnostic.span, source),
        "related": [{"span": _range(span, source), "label": text} for span, text in diagnostic.related],
        "edit": None if edit is None else {"span": _range(edit.span, source), "text": edit.text},
    }


def _range(span: Span, source: Source) -> dict[str, int]:
    return {
        "start": span.start,
        "end": span.end,
        "line": source.line_number(span.start),
        "column": source.column(span.start),
        "end_line": source.line_number(span.end),
        "end_column": source.column(span.end),
    }


def github(findings: Sequence[Findings]) -> str:
    """One workflow command a diagnostic, which GitHub shows beside the line in a change."""
    return "".join(_annotation(diagnostic, found) for found in findings for diagnostic in found.diagnostics)


def _annotation(diagnostic: Diagnostic, found: Findings) -> str:
    at = _range(diagnostic.span, found.source)
    properties = {
        "file": found.place,
        "line": at["line"],
        "col": at["column"],
        "endLine": at["end_line"],
        "endColumn": at["end_column"],
        "title": f"{diagnostic.code}: {diagnostic.title_text}",
    }
    listed = ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in properties.items())
    return f"::{diagnostic.severity} {listed}::{_escaped(_message(diagnostic))}\n"


def _escaped(text: str, more: str = "") -> str:
    """Percent-encoding as workflow commands ask for: `%` and line ends everywhere, `:` and `,` in properties."""
    for char in "%\r\n" + more:
        text = text.replace(char, f"%{ord(char):02X}")
    return text.encode("utf-8", "replace").decode("utf-8")


def _message(diagnostic: Diagnostic) -> str:
    """Everything but the place, a line each."""
    lines = [diagnostic.title_text, diagnostic.label_text, *diagnostic.note_texts, diagnostic.help_text]
    return "\n".join(line for line in lines if line)


def sarif(findings: Sequence[Findings]) -> str:
    """A SARIF 2.1.0 log with one run, for code-scanning services."""
    codes = sorted({diagnostic.code for found in findings for diagnostic in found.diagnostics})
    run = {
        "tool": {"driver": {"name": "lpc", "rules": [_rule(code) for code in codes]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(diagnostic, found, codes) for found in findings for diagnostic in found.diagnostics],
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: str) -> dict[str, Any]:
    kind = CATALOGUE[code]
    return {
        "id": code,
        "name": kind.__name__,
        "fullDescription": {"text": " ".join(kind.why().split()) or kind.__name__},
        "defaultConfiguration": {"level": kind.severity},
    }


def _result(diagnostic: Diagnostic, found: Findings, codes: Sequence[str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": codes.index(diagnostic.code),
        "level": diagnostic.severity,
        "message": {"text": _message(diagnostic)},
        "locations": [_location(diagnostic.span, found)],
    }
    if diagnostic.related:
        result["relatedLocations"] = [
            {**_location(span, found), "message": {"text": text}} for span, text in diagnostic.related
        ]
    if diagnostic.edit is not None:
        replacement = {
            "deletedRegion": _region(diagnostic.edit.span, found.source),
            "insertedContent": {"text": diagnostic.edit.text},
        }
        change = {"artifactLocation": {"uri": found.place}, "replacements": [replacement]}
        result["fixes"] = [{"artifactChanges": [change]}]
    return result


def _location(span: Span, found: Findings) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": found.place}, "region": _region(span, found.source)}
    return {"physicalLocation": place}


def _region(span: Span, source: Source) -> dict[str, int]:
    at = _range(span, source)
    return {
        "startLine": at["line"],
        "startColumn": at["column"],
        "endLine": at["end_line"],
        "endColumn": at["end_column"],
    }


FORMATS: dict[str, Callable[[Sequence[Findings]], str]] = {
    "human": human,
    "json": as_json,
    "github": github,
    "sarif": sarif,
}
"""The choices of `--format`."""
