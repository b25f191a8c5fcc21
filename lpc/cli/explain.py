"""`lpc explain`: what the compiler makes of a program; what a code means; what the passes are."""

from __future__ import annotations

import json
import re
from typing import Any

import click

from lpc.cli.options import color_option, format_option, set_option, variant_option
from lpc.cli.programs import STDIN, Settings, check, command_line, findings, read, say, show, status
from lpc.cli.refusal import Refusal
from lpc.cli.tables import paragraph, seconds, table
from lpc.diagnostics import Report, nearest

CODE = re.compile(r"LP\d+", re.IGNORECASE)
GRAPHS = ("mermaid", "dot", "svg")


@click.command("explain", epilog="Example: lpc explain digits.lp")
@click.argument("file", metavar="FILE|CODE", required=False, type=click.Path(allow_dash=True))
@variant_option
@set_option
@click.option(
    "--after", metavar="PASS", help="Print the program as it stands behind a pass; it compiles to the same script."
)
@click.option("--passes", is_flag=True, help="List the passes: what each needs, gives, and does.")
@click.option("--time", is_flag=True, help="Print how long each pass takes.")
@click.option("--graph", type=click.Choice(GRAPHS), help="Print the graph of blocks.")
@click.option("--json", is_flag=True, help="Print one JSON object.")
@format_option
@color_option
def command(file: str | None, variant: str | None, settings: Settings, form: str, **asked: Any) -> int:
    """Show what the compiler makes of a program, or what a code means.

    Block by block: its type, its parameters, the rule it learns by and why, what a step of it costs, its stage. Costs are
    modelled. Of a code (LP014): its long story, a program that has the mistake, and the same program without it.
    """
    if sum(map(bool, asked.values())) > 1:
        raise click.UsageError("--after, --passes, --time, --graph and --json each ask for another answer: give one")
    if asked["passes"]:
        click.echo(passes_text())
        return 0
    if file is None:
        raise click.UsageError("name a program, or a code such as LP014")
    if CODE.fullmatch(file):
        from lpc.cli.stories import story

        click.echo(story(file.upper()), color=True)
        return 0
    if asked["after"]:
        return dump_after(file, variant, settings, asked["after"])
    if asked["time"]:
        return print_times(file, variant, settings)
    return explain(file, variant, settings, asked["graph"], "json" if asked["json"] else form)


def explain(file: str, variant: str | None, settings: Settings, graph: str | None, form: str) -> int:
    """The explanation, or the graph; diagnostics go beside it, or before it where their form asks for it."""
    from lpc.passes.explanation import explain as explained
    from lpc.report_formats import FORMATS

    checked = check(file, variant or "base", settings)
    if checked.errors or form in ("github", "sarif"):
        show([findings(file, checked)], form, err=form == "human")
        return status(checked.diagnostics)
    explanation = explained(checked.program)
    if form == "json" and not graph:
        found = json.loads(FORMATS["json"]([findings(file, checked)]))["files"][0]["diagnostics"]
        click.echo(json.dumps({**explanation.as_json(), "diagnostics": found}, indent=2))
        return 0
    if checked.warnings:
        show([findings(file, checked)], err=True)
    if graph:
        from lpc.cli.graphs import print_graph

        click.echo(print_graph(explanation, graph), nl=False)
        return 0
    from lpc.cli.explained import text_of

    click.echo(text_of(explanation))
    if file != STDIN:
        say(f"`lpc compile {command_line(file, variant, settings)}` writes the script, `lpc run` trains it")
    return 0


def dump_after(file: str, variant: str | None, settings: Settings, after: str) -> int:
    """Print the program as it stands behind a pass. Raises Refusal for a pass there is none of."""
    from lpc.passes.check import check_source
    from lpc.passes.dump import dump
    from lpc.passes.pipeline import PIPELINE

    names = [step.name for step in PIPELINE]
    if after not in names:
        near = nearest(after, names)
        raise Refusal(
            f"there is no pass `{after}`; " + (f"did you mean `{near}`?" if near else f"there are {', '.join(names)}")
        )
    report = Report()
    source = read(file, report)
    checked = check_source(
        source, variant=variant or "base", overrides=settings, passes=PIPELINE[: names.index(after) + 1], report=report
    )
    if checked.diagnostics:
        show([findings(file, checked)], err=True)
    if checked.errors:
        return status(checked.diagnostics)
    click.echo(dump(checked.program).encode(), nl=False)
    return 0


def passes_text() -> str:
    """Each pass in order, with the facts it needs and gives, and what it does."""
    from lpc.passes.contract import Fact
    from lpc.passes.pipeline import PIPELINE

    parts = []
    for at, step in enumerate(PIPELINE, start=1):
        needs, gives = ([fact.name for fact in Fact if fact in facts] for facts in (step.needs, step.gives))
        summary, _, rest = step.summary.partition("\n\n")
        lines = [
            f"{at}. {step.name}: {' '.join(summary.split())}",
            f"   needs {', '.join(needs) or 'nothing'}; gives {', '.join(gives)}",
        ]
        lines += [
            paragraph(part, 3) for part in re.split(r"(?=\b(?:Before|After|Errors|Warnings):)", rest) if part.strip()
        ]
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, "`lpc explain FILE --after NAME` prints the program as it stands behind a pass."])


def print_times(file: str, variant: str | None, settings: Settings) -> int:
    """How long reading, each pass and printing the script take."""
    from time import perf_counter

    from lpc.codegen.script import print_script
    from lpc.ir.program import Program
    from lpc.passes.check import Checked
    from lpc.passes.pipeline import Times, run
    from lpc.syntax.parse import parse

    report, times = Report(), Times()
    source = read(file, report)
    started = perf_counter()
    tree = parse(source, report)
    parsing = perf_counter() - started
    chosen = None if variant in (None, "base") else variant
    program = Program(source, tree, chosen, settings)
    if not report.errors:
        program = run(program, report, times=times)
    if report.diagnostics:
        show([findings(file, Checked(source, tuple(report.sorted())))], err=True)
    if report.errors:
        return status(report.diagnostics)
    started = perf_counter()
    print_script(program)
    rows = {"parse": parsing, **times.seconds, "print the script": perf_counter() - started}
    total = sum(rows.values())
    shares = [[name, seconds(value), f"{100 * value / total:.0f} %"] for name, value in rows.items()]
    click.echo(table(["", "time", "share"], [*shares, ["in all", seconds(total), ""]], right=(1, 2)))
    return 0
