"""`lpc report`: a bench, or runs, as a page, as text, or as other tools' files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpc.cli.options import color_option
from lpc.cli.programs import say
from lpc.cli.refusal import Refusal, system_says
from lpc.cli.writing import make_folder, write_whole

if TYPE_CHECKING:
    from lpc.lab.findings import Findings
    from lpc.lab.listings import Listing

NAMES = {
    "html": "report.html",
    "md": "report.md",
    "csv": "report.csv",
    "latex": "report.tex",
    "json": "report.json",
    "emissions": "emissions.csv",
}
"""What a report is called in a folder."""
PRINTED = ("md", "csv", "latex", "json")
"""Goes to standard output where no `--out` is given."""
TOOLS = {"mlflow": ("mlflow", "mlflow"), "tensorboard": ("tensorboard", "tensorboard")}
"""The package of each, and its folder in the bench's."""
BENCHES = Path("bench")
HEAD = 4096
"""Bytes of a file in which lpc says that it wrote it."""


@click.command("report", epilog="Example: lpc report bench/digits")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice([*NAMES, *TOOLS]),
    default="html",
    help="emissions: CodeCarbon's emissions.csv; mlflow, tensorboard: what those tools read, where they are installed.",
)
@click.option(
    "--out",
    metavar="FILE|DIR",
    help="Where it goes; `-` is standard output (default: into DIR; md, csv, latex and json are printed).",
)
@click.option("--force", is_flag=True, help="Overwrite a file that lpc did not write.")
@color_option
def command(folder: Path | None, form: str, out: str | None, force: bool) -> int:
    """Make a report of a bench, or of one run: tables, plots, programs, warnings.

    DIR is a bench's folder, a run's, or a folder of runs that differ in their seed; without it, the newest bench below `bench`.
    The page is one file that needs no network.
    """
    chosen = folder or newest()
    findings = findings_of(chosen)
    for text in findings.aside:
        say(f"left aside, {text}")
    if form in TOOLS:
        return write_runs(findings, form, Path(out) if out else beside(chosen) / TOOLS[form][1])
    text = text_of(findings, form)
    if out == "-" or (out is None and form in PRINTED):
        click.echo(text.encode(), nl=False)
        return 0
    target = Path(out) if out else beside(chosen)
    if target.is_dir():
        target = target / NAMES[form]
    if target.is_file() and not force and not written_by_lpc(target, form):
        raise Refusal(f"{target} was not written by `lpc report`: --force overwrites it, --out goes elsewhere")
    write_whole(target, text.encode())
    say(f"{target} holds the report" + ("; it opens in a browser" if form == "html" else ""))
    return 0


def newest() -> Path:
    from lpc.lab.bench_reading import newest_bench

    found = newest_bench(BENCHES)
    if found is None:
        raise Refusal(f"there is no finished bench below {BENCHES}: `lpc bench FILE` makes one, or name a folder")
    say(f"of {found}")
    return found


def beside(path: Path) -> Path:
    return path.parent if path.is_file() else path


def findings_of(path: Path) -> Findings:
    """A bench where there is a table, else runs. Raises Refusal."""
    from lpc.lab.bench_json import FILE
    from lpc.lab.bench_reading import bench_findings
    from lpc.lab.results import PLAN, Unreadable
    from lpc.lab.run_reading import runs_findings

    if not path.exists():
        raise Refusal(f"{path}: no such folder")
    try:
        if (path / FILE).exists():
            return bench_findings(path)
        if (path / PLAN).exists():
            raise Refusal(f"{path}: the bench is not finished, its table is not there: the same `lpc bench` goes on")
        return runs_findings(path)
    except Unreadable as problem:
        raise Refusal(f"{path}: {problem}") from problem
    except ModuleNotFoundError as problem:
        raise Refusal(f"intervals of several runs need {problem.name}: pip install 'lpc[lab]'") from problem
    except OSError as problem:
        raise Refusal(f"{path}: cannot be read: {system_says(problem)}") from problem


def text_of(findings: Findings, form: str) -> str:
    from lpc.lab.listings import listings

    if form == "html":
        if find_spec("matplotlib") is None:
            raise Refusal("a page needs Matplotlib: pip install 'lpc[lab]' (or --format md)")
        from lpc.lab.page import page

        listed = listings(findings.entries)
        return page(findings, listed, pictures(listed))
    from lpc.lab import texts
    from lpc.lab.emissions import emissions_text

    makers: dict[str, Callable[[], str]] = {
        "md": lambda: texts.markdown(findings, listings(findings.entries)),
        "csv": lambda: texts.csv_text(findings),
        "latex": lambda: texts.latex(findings),
        "json": lambda: texts.json_text(findings, listings(findings.entries)),
        "emissions": lambda: emissions_text(findings),
    }
    return makers[form]()


def pictures(listed: Sequence[Listing]) -> dict[str, str]:
    """The network of each program that compiles, by variant."""
    from lpc.cli.graphs import print_graph
    from lpc.passes.explanation import explain

    return {one.label: print_graph(explain(one.program), "svg") for one in listed if one.program is not None}


def written_by_lpc(path: Path, form: str) -> bool:
    """Whether a file is one that `lpc report` has written, of the same kind."""
    from lpc.lab.emissions import COLUMNS as EMISSIONS
    from lpc.lab.texts import FIRST_COLUMNS

    try:
        if form == "json":
            found = json.loads(path.read_bytes())
            return isinstance(found, dict) and str(found.get("written_by", "")).startswith("lpc ")
        with path.open("rb") as file:
            head = file.read(HEAD).decode("utf-8", errors="replace")
    except (OSError, ValueError):
        return False
    heads = {
        "html": '<meta name="generator" content="lpc ',
        "md": "<!-- written by lpc ",
        "latex": "% written by lpc ",
        "csv": ",".join(FIRST_COLUMNS),  # more may stand behind them
        "emissions": ",".join(EMISSIONS) + "\n",
    }
    return heads[form] in head if form == "html" else head.startswith(heads[form])


def write_runs(findings: Findings, form: str, folder: Path) -> int:
    """MLflow's or TensorBoard's files. Raises Refusal without the tool."""
    from lpc.lab.tracking import write_mlflow, write_tensorboard

    package = TOOLS[form][0]
    if find_spec(package) is None:
        raise Refusal(f"{form} is not installed: pip install {package}")
    if folder.exists() and not folder.is_dir():
        raise Refusal(f"{folder} is a file: --out names a folder for --format {form}")
    make_folder(folder)
    try:
        new = {"mlflow": write_mlflow, "tensorboard": write_tensorboard}[form](findings, folder)
    except (ImportError, OSError) as problem:
        raise Refusal(f"{form} does not work here: {str(problem) or type(problem).__name__}") from problem
    opens = {
        "mlflow": f"mlflow ui --backend-store-uri sqlite:///{(folder / 'mlflow.db').as_posix()}",
        "tensorboard": f"tensorboard --logdir {folder}",
    }
    say(f"{folder} holds {new} new run{'s' * (new != 1)}; `{opens[form]}` shows them")
    return 0
