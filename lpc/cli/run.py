"""`lpc run`: a program compiled into its run's folder, and trained there."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpc.cli.options import color_option, program_options
from lpc.cli.process import execute
from lpc.cli.programs import STDIN, Settings, check, command_line, findings, say, show, status, variant_names
from lpc.cli.refusal import Refusal
from lpc.cli.writing import make_folder, write_whole

if TYPE_CHECKING:
    from lpc.codegen.script import Script
    from lpc.ir.program import Program

NEEDED = ("torch", "numpy")
LEFT = ("result.json", "log.jsonl", "model.pt", "checkpoint.pt")
"""What a run leaves in its folder, beside the script."""
SCRIPT = "train.py"

whole = click.IntRange(min=0)
OF_THE_SCRIPT: dict[str, Callable[[Any], Any]] = {
    "--data": click.option("--data", metavar="DIR", help="Where data files are (default: data), or `synthetic`."),
    "--device": click.option("--device", metavar="NAME", help="auto, cpu, cuda or cuda:N."),
    "--epochs": click.option(
        "--epochs", metavar="N", type=whole, help="In place of the program's; 0 writes initial weights."
    ),
    "--steps": click.option("--steps", metavar="N", type=whole, help="In place of the program's epochs."),
    "--seed": click.option("--seed", metavar="N", type=whole, help="Of all random numbers."),
    "--limit": click.option(
        "--limit", metavar="N", type=whole, help="At most N examples of each part, for a smoke run."
    ),
    "--threads": click.option("--threads", metavar="N", type=whole, help="Processor threads for torch."),
    "--idle": click.option(
        "--idle", metavar="SECONDS", type=whole, help="First measure the power of the idle machine."
    ),
    "--resume": click.option("--resume", is_flag=True, help="Go on from the folder's checkpoint."),
    "--overwrite": click.option("--overwrite", is_flag=True, help="Discard the folder's earlier run."),
    "--no-test": click.option("--no-test", is_flag=True, help="Leave the test part unread."),
    "--download": click.option("--download", is_flag=True, help="Fetch published data files that are missing."),
    "--quiet": click.option("--quiet", is_flag=True, help="No progress, no summary."),
    "--json": click.option("--json", is_flag=True, help="Print result.json."),
}
"""Options that are passed on to the script; `--out` too, but lpc has to know the folder itself."""


def script_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(OF_THE_SCRIPT.values()):
        function = option(function)
    return function


@click.command("run", epilog="Example: lpc run digits.lp --epochs 3")
@program_options
@click.option(
    "--out", metavar="DIR", type=click.Path(path_type=Path), help="Where results go (default: runs/NAME-VARIANT-SEED)."
)
@script_options
@click.option("--allow-opaque", is_flag=True, help="Let the script import the code that the program names.")
@color_option
def command(
    file: str, variant: str | None, settings: Settings, out: Path | None, allow_opaque: bool, **options: Any
) -> int:
    """Compile a program and train it.

    The script goes into the run's folder as train.py, and runs with the Python that runs lpc. Its exit status is passed on.
    """
    checked = check(file, variant or "base", settings)
    if checked.diagnostics:
        show([findings(file, checked)], err=True)
    if failed := status(checked.diagnostics):
        return failed
    program = checked.program
    require_packages()
    environment = environment_for(program, file, allow_opaque)

    from lpc.codegen.script import print_script

    script = print_script(program)
    folder = out or default_folder(program, options["seed"])
    new = [path for path in (folder / SCRIPT, folder, *folder.parents) if not path.exists()]
    place_script(script, folder, options)
    code = execute([str(folder / SCRIPT), "--out", str(folder), *passed_on(options)], environment)
    if code == 2:
        withdraw(folder, new)
    elif code == 0 and not options["quiet"]:
        say(following(file, variant, settings, folder, options["data"], variant_names(checked.source)))
    return code


def require_packages() -> None:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise Refusal(f"training needs {' and '.join(missing)}: pip install 'lpc[run]'")


def environment_for(program: Program, file: str, allowed: bool) -> Mapping[str, str]:
    """The child's environment. A program that names code of its own needs leave to run it, and finds it where the user stands."""
    from lpc.codegen.file_names import foreign_code

    names = list(dict.fromkeys(":".join(pair) for pair in foreign_code(program)))
    if not names:
        return os.environ
    if not allowed:
        raise Refusal(
            f"{file} names code that the script would import and run ({', '.join(names)}); --allow-opaque lets it"
        )
    path = [str(Path.cwd()), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}


def default_folder(program: Program, seed: int | None) -> Path:
    """Where the script itself would put its results."""
    assert program.protocol is not None
    number = program.protocol.seed if seed is None else seed
    return Path("runs") / f"{program.name}-{program.variant or 'base'}-{number}"


def place_script(script: Script, folder: Path, options: Mapping[str, Any]) -> None:
    """Put the script into the folder, unless it holds another run, or a script that somebody edited. Raises Refusal."""
    from lpc.codegen.script import is_unedited

    path = folder / SCRIPT
    there = path.read_bytes().decode("utf-8", "replace") if path.is_file() else script.text
    earlier = [name for name in LEFT if (folder / name).exists()]
    if earlier and not (options["resume"] or options["overwrite"]):
        ways = "--resume goes on, --overwrite starts again, --out DIR goes elsewhere"
        raise Refusal(f"{folder} holds an earlier run ({earlier[0]}): {ways}")
    if there != script.text and not is_unedited(there):
        raise Refusal(f"{path} was edited: `python {path}` runs it as it is, --out DIR goes elsewhere")
    if there != script.text and earlier and options["resume"]:
        raise Refusal(
            f"{folder} holds the run of another script: `python {path} --resume` goes on with it, --out DIR goes elsewhere"
        )
    make_folder(folder)
    write_whole(path, script.text.encode())


def passed_on(options: Mapping[str, Any]) -> list[str]:
    """The options as the script takes them."""
    made: list[str] = []
    for option in OF_THE_SCRIPT:
        value = options[option.removeprefix("--").replace("-", "_")]
        if value is True:
            made.append(option)
        elif value is not None and value is not False:
            made += [option, str(value)]
    return made


def withdraw(folder: Path, new: Sequence[Path]) -> None:
    """Leave nothing new where nothing was run: the script refused its options or its data."""
    if any((folder / name).exists() for name in LEFT):
        return
    with suppress(OSError):
        for path in new:
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()


def following(
    file: str, variant: str | None, settings: Settings, folder: Path, data: str | None, variants: Sequence[str]
) -> str:
    """What to type next."""
    if file != STDIN and len(variants) > 1 and not variant:
        where = f" --data {data}" if data else ""
        return f"`lpc run {command_line(file, variants[1], settings)}{where}` trains the same network another way"
    return f"`python {folder / SCRIPT} --resume --epochs N` goes on; `from train import Network` in {folder} predicts"
