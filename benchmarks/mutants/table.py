"""What a run says in the end, in Markdown: a table by rule and pass, by what kills, and every survivor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from benchmarks.mutants.targets import Target
from benchmarks.mutants.trying import FAILS, KILLED, SAME, SURVIVES, Result


def report(targets: Sequence[Target], results: Sequence[Result]) -> str:
    lines = [*_table(targets, results), "", *_by(results)]
    for verdict, title in ((SURVIVES, "Survivors"), (SAME, "Equivalent"), (FAILS, "Fail wherever they are used")):
        found = [result for result in results if result.verdict == verdict]
        lines += ["", f"## {title}: {len(found)}", "", *map(_item, found)]
    return "\n".join(lines)


def _table(targets: Sequence[Target], results: Sequence[Result]) -> Iterator[str]:
    yield "| rule or pass | mutants | fail at once | equivalent | behave otherwise | killed | score |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for target in targets:
        yield _row(f"`{target.name}`", [result for result in results if result.target == target.name])
    yield _row("all", results)


def _row(name: str, results: Sequence[Result]) -> str:
    counts = Counter(result.verdict for result in results)
    changed = counts[KILLED] + counts[SURVIVES]
    score = f"{counts[KILLED] / changed:.1%}".replace("%", " %") if changed else ""
    return f"| {name} | {len(results)} | {counts[FAILS]} | {counts[SAME]} | {changed} | {counts[KILLED]} | {score} |"


def _by(results: Sequence[Result]) -> Iterator[str]:
    yield "| killed by | mutants |"
    yield "| --- | --- |"
    counts = Counter(result.by for result in results if result.verdict == KILLED)
    for law, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        yield f"| {law} | {count} |"


def _item(result: Result) -> str:
    why = f" ({result.probe}: {result.shown})" if result.verdict == SURVIVES else ""
    return f"- `{result.file}:{result.line}`, {result.operator}: `{result.was}` becomes `{result.becomes}`{why}"
