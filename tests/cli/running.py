"""Commands carried out in this process, as `lpc` carries them out."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from lpc.cli.entry import run

ROOT = Path(__file__).resolve().parents[2]

SOUND = """\
network sound

data image, label = digits(validation = 20%)

block hidden[2] = image  -> flatten -> linear(16) -> relu
block readout   = hidden -> linear(10)

objective cross_entropy(readout, label)

learn all with mono_forward

train epochs = 1, batch = 64, seed = 1

variant backprop { learn all with backprop }
"""
BROKEN = SOUND.replace("relu", "rleu")


@dataclass(frozen=True)
class Done:
    """What a command left behind: exit status, standard output and standard error."""

    status: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """The last line that a person sees."""
        return (self.err or self.out).rstrip("\n").rpartition("\n")[2]


def lpc(*arguments: str | Path, stdin: bytes | str = b"") -> Done:
    """Carry out one command. Whatever it is given, no traceback is shown."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True, newline="") for _ in range(2))
    with (
        patch("sys.stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8")),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        status = run([str(argument) for argument in arguments])
    done = Done(status, _text(out), _text(err))
    assert "Traceback" not in done.out + done.err
    return done


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
