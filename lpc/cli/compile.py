"""`lpc compile`: a program's training script, written where the user stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpc.cli.options import color_option, format_option, program_options
from lpc.cli.programs import STDIN, Settings, check, command_line, findings, say, show, status
from lpc.cli.refusal import Refusal, system_says
from lpc.cli.writing import write_whole

if TYPE_CHECKING:
    from lpc.codegen.script import Script
    from lpc.passes.check import Checked

STDOUT = "-"


@dataclass(frozen=True)
class Target:
    """A script and the file it goes to; `there` is what that file holds now."""

    script: Script
    variant: str | None
    path: Path
    there: str | None

    @property
    def unchanged(self) -> bool:
        return self.there == self.script.text


@click.command("compile", epilog="Example: lpc compile digits.lp -o train.py")
@program_options
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Where the script goes (default: NAME.py or NAME_VARIANT.py here), or a folder, or `-`.",
)
@click.option("--all-variants", is_flag=True, help="Write the script of the program and of each of its variants.")
@click.option("--force", is_flag=True, help="Overwrite a script that was edited.")
@format_option
@color_option
def command(
    file: str,
    variant: str | None,
    settings: Settings,
    output: str | None,
    all_variants: bool,
    force: bool,
    form: str,
) -> int:
    """Write the training script of a program.

    The script stands alone: it needs torch and numpy, not lpc. One that was edited since lpc wrote it is left as it is.
    """
    if all_variants and variant:
        raise click.UsageError("--variant names one and --all-variants all of them")
    if output == STDOUT and (all_variants or form != "human"):
        raise click.UsageError("standard output (-o -) holds one script and nothing else")
    checked = check(file, None if all_variants else variant or "base", settings)
    if checked.diagnostics or form != "human":
        show([findings(file, checked)], form, err=form == "human")
    if failed := status(checked.diagnostics):
        return failed
    scripts = compiled(checked)
    if output == STDOUT:
        click.echo(scripts[0][1].text.encode(), nl=False)
        say(f"wrote the script of {findings(file, checked).place} to standard output")
        return 0
    targets = [target(script, name, output, all_variants) for name, script in scripts]
    for one in targets:
        guard(one, file, force)
    for one in targets:
        if not one.unchanged:
            write_whole(one.path, one.script.text.encode())
    say(summary(targets, file))
    return 0


def compiled(checked: Checked) -> list[tuple[str | None, Script]]:
    """The script of each program that was checked, with its variant."""
    from lpc.codegen.script import print_script

    return [(program.variant, print_script(program)) for program in checked.programs.values()]


def target(script: Script, variant: str | None, output: str | None, several: bool) -> Target:
    """Where a script goes. Raises Refusal where that cannot be."""
    from lpc.codegen.file_names import hides

    path = Path(f"{script.name}.py") if output is None else Path(output)
    if output is not None and (path.is_dir() or output.endswith(("/", "\\"))):
        path = path / f"{script.name}.py"
        if not path.parent.is_dir():
            raise Refusal(f"there is no folder {path.parent}")
    elif several and output is not None:
        raise Refusal(f"{output} is no folder, and --all-variants writes several scripts")
    if path.suffix == ".py" and hides(path.stem):
        raise Refusal(f"{path} would hide Python's module `{path.stem}` from itself; -o {path.stem}_train.py would not")
    return Target(script, variant, path, read(path))


def read(path: Path) -> str | None:
    """The text of the file that a script would replace; None where there is none, or where it is a device."""
    if not path.is_file():
        return None
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError as problem:
        raise Refusal(f"cannot read {path}: {system_says(problem)}") from problem


def guard(one: Target, file: str, force: bool) -> None:
    """Refuse to overwrite what lpc did not write, or what was edited since."""
    from lpc.codegen.script import BODY_MARK, is_unedited

    if force or one.there is None or one.unchanged or is_unedited(one.there):
        return
    if f"\n{BODY_MARK}" in one.there:
        show_it = f" (`lpc diff {command_line(file, one.variant, ())} {one.path}` shows how)" if file != STDIN else ""
        raise Refusal(f"{one.path} was edited since lpc wrote it{show_it}; --force overwrites it")
    raise Refusal(
        f"{one.path} is there already, and lpc did not write it; -o names another file, --force overwrites it"
    )


def summary(targets: Sequence[Target], file: str) -> str:
    """Where the scripts went, and what to type next."""
    written = [str(one.path) for one in targets if not one.unchanged]
    same = [str(one.path) for one in targets if one.unchanged]
    parts = []
    if written:
        parts.append(f"wrote {', '.join(written)}")
    if same:
        parts.append(f"{', '.join(same)} {'is' if len(same) == 1 else 'are'} as before")
    parts.append(f"`python {targets[0].path}` trains" + ("" if file == STDIN else f", `lpc explain {file}` says how"))
    return "; ".join(parts)
