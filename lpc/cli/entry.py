"""From arguments to an exit status: 0 fine, 1 the program has errors, 2 wrong usage, 3 a bug in lpc, 130 interrupted."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from lpc.cli.commands import lpc
from lpc.cli.refusal import Refusal, system_says
from lpc.diagnostics import nearest
from lpc.plugins import PluginError
from lpc.version import VERSION

WRONG_USAGE = 2
BUG = 3
INTERRUPTED = 130


def run(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command. Whatever happens, no traceback is shown unless `LPC_DEBUG` is set."""
    _print_anything()
    try:
        status = lpc.main(args=arguments, prog_name="lpc", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as wanted:
        click.echo(wanted.format_message(), err=True)
        return WRONG_USAGE
    except click.UsageError as problem:
        return _refuse(usage(problem), problem.ctx)
    except click.ClickException as problem:
        return _refuse(problem.format_message())
    except Refusal as problem:
        return _refuse(str(problem))
    except (click.Abort, KeyboardInterrupt):
        return _refuse("interrupted", status=INTERRUPTED)
    except OSError as problem:
        where = f"{problem.filename}: " if problem.filename else ""
        return _refuse(f"{where}{system_says(problem)}")
    except PluginError as problem:
        return _refuse(str(problem))
    except Exception as problem:
        return _bug(problem, sys.argv[1:] if arguments is None else arguments)
    return int(status or 0)


def _print_anything() -> None:
    """Characters that a terminal's encoding lacks are shown by their number, instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")


def _refuse(text: str, ctx: click.Context | None = None, status: int = WRONG_USAGE) -> int:
    click.echo(f"{ctx.command_path if ctx else 'lpc'}: {text}", err=True)
    return status


def usage(problem: click.UsageError) -> str:
    """A usage error in one line, with the nearest name where a name was not known."""
    more = f" ({problem.ctx.command_path} --help lists the options)" if problem.ctx else ""
    if isinstance(problem, click.NoSuchOption):
        names = (
            [name for option in problem.ctx.command.get_params(problem.ctx) for name in option.opts]
            if problem.ctx
            else []
        )
        near = nearest(problem.option_name, [name for name in names if name.startswith("--")])
        return f"there is no option {problem.option_name}" + (f"; did you mean {near}?" if near else "") + more
    text = " ".join(problem.format_message().split()).rstrip(".")
    return text[:1].lower() + text[1:] + more


def _bug(problem: Exception, arguments: Sequence[str]) -> int:
    """Say that lpc is to blame, and what to report."""
    if os.environ.get("LPC_DEBUG", "0") not in ("", "0"):
        import traceback

        traceback.print_exception(problem)
        return BUG
    import platform
    import shlex

    step = f"in the pass `{name}`, " if (name := getattr(problem, "pass_name", "")) else ""
    cause = problem.__cause__ or problem
    summary = f"{type(cause).__name__}: {cause}".partition("\n")[0][:200]
    click.echo(f"lpc: a bug in lpc, not in your program: {step}{summary} ({_place(cause)})", err=True)
    click.echo("Please report it with the program and with what this prints:", err=True)
    click.echo(f"  LPC_DEBUG=1 lpc {shlex.join(arguments)}", err=True)
    click.echo(f"  (lpc {VERSION}, Python {platform.python_version()}, {platform.system()})", err=True)
    return BUG


def _place(problem: BaseException) -> str:
    """The innermost line of lpc's own that was being carried out: `passes/bind.py, line 33`."""
    found, trace = "outside lpc", problem.__traceback__
    while trace:
        parts = Path(trace.tb_frame.f_code.co_filename).parts
        if "lpc" in parts:
            inside = "/".join(parts[len(parts) - parts[::-1].index("lpc") :])
            found = f"{inside}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return found
