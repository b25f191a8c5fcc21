"""`lpc completion`: what a shell needs to complete commands, options, files, variants, rules and operations."""

from __future__ import annotations

import sys

import click

from lpc.cli.options import color_option
from lpc.cli.programs import say

INSTALLED: dict[str, str] = {
    "bash": '~/.bashrc: eval "$(lpc completion bash)"',
    "zsh": '~/.zshrc: eval "$(lpc completion zsh)"',
    "fish": "~/.config/fish/config.fish: lpc completion fish | source",
}
"""Where the line goes, and what it is."""


@click.command("completion", epilog="Example: lpc completion bash")
@click.argument("shell", type=click.Choice(list(INSTALLED)))
@color_option
def command(shell: str) -> int:
    """Print the completion script of a shell."""
    from click.shell_completion import get_completion_class

    from lpc.cli.commands import lpc

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(lpc, {}, "lpc", "_LPC_COMPLETE").source())
    if sys.stdout.isatty():  # not where a shell's start-up file reads it
        say(f"to have it in every shell, put this line into {INSTALLED[shell]}")
    return 0
