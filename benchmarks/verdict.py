"""What becomes of one program: it is refused with diagnostics, or it compiles, agrees with the interpreter, and runs."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks import boxes
from benchmarks.made_data import data_for_run
from lpc.codegen.schedule import Mode
from lpc.codegen.script import print_script
from lpc.ir.network import Network
from lpc.ir.program import Program
from lpc.ir.types import Tensor
from lpc.laws.stand_ins import stand_ins
from lpc.laws.strategies import batches, least_rows
from lpc.laws.validation import Devices, load_script, validate_all
from lpc.passes.check import Checked, check_source
from lpc.passes.variants import BASE
from lpc.render import render_all
from lpc.source import Source

MODES: tuple[Mode, ...] = ("at once", "summed")
FILE = "drawn.lp"
RUN = ("--limit", "12", "--quiet")
FORESEEN = re.compile(
    r": the loss (without training )?is (nan|-?inf) | is not finite after step | is declared, in block "
)
"""How a run may fail: training that diverges, and a black box that breaks its word. Torch's own complaints are bugs."""
ALONE = 100
"""One script in so many also runs as a process of its own; which, its text decides."""


class Bug(Exception):
    """What must not happen: a traceback, a difference, a run that fails. `trace` is the traceback's text."""

    def __init__(self, what: str, trace: str = "") -> None:
        super().__init__(what)
        self.trace = trace


@dataclass
class Verdict:
    """What lpc said, and what was done with what it compiled."""

    codes: tuple[str, ...]
    """Of errors and warnings, each once."""
    legal: bool
    programs: list[Program] = field(default_factory=list)
    """Compiled: the base, and variants."""
    compared: int = 0
    """Scripts held against the interpreter: two a program, where the two orders of a step differ."""
    ended: list[str] = field(default_factory=list)
    """How runs in this process ended: "" for well, or the line that said why training failed."""
    alone: int = 0
    """Runs as a process of its own."""


def judge(text: str, sizes: Sequence[int], seed: int, folder: Path) -> Verdict:
    """Check, compile, compare and run a program and its variants. Raises `Bug`, from what caused it."""
    with caught("checking"):
        checked = check_source(Source(FILE, text))
        if checked.ok:  # the facts that passes promise each other hold of programs without mistakes
            checked = check_source(Source(FILE, text), verify=True)
        for diagnostic in checked.diagnostics:
            if not 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text):
                raise Bug(f"{diagnostic.code} points outside the text, to {diagnostic.span}")
        said = render_all(checked.diagnostics, checked.source)
        if checked.diagnostics and not said.strip():
            raise Bug("diagnostics that say nothing")
        whole = checked
        if not checked.ok and len(checked.programs) > 1:  # a variant may be to blame; the base is a program by itself
            checked = check_source(Source(FILE, text), variant=BASE)
    verdict = Verdict(tuple(dict.fromkeys(d.code for d in whole.diagnostics)), whole.ok)
    if checked.ok:
        for name, program in checked.programs.items():
            verdict.programs.append(program)
            _compiled(program, name, sizes, seed, folder, verdict)
    return verdict


def _compiled(program: Program, name: str, sizes: Sequence[int], seed: int, folder: Path, verdict: Verdict) -> None:
    """One variant of a program: its script agrees with the interpreter, and runs."""
    with caught(f"compiling {name}"):
        text = print_script(program).text
    assert program.network is not None
    devices: Devices = {**stand_ins(program), **boxes.DEVICES}
    honest = _honest(program.network)
    if honest:
        _compare(program, name, sizes, seed, devices, verdict)
    with caught(f"running {name}"):
        data = data_for_run(program, folder)
        ended = _run(text, data, folder / "out", devices)
        if not honest and "is declared" not in ended:
            raise Bug(f"a black box gives what is not declared, and the run ends with {ended!r}")
        verdict.ended.append(ended)
        if int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % ALONE == 0 and {*devices} == {*boxes.DEVICES}:
            _run_alone(text, data, folder)
            verdict.alone += 1


def _compare(program: Program, name: str, sizes: Sequence[int], seed: int, devices: Devices, verdict: Verdict) -> None:
    """The scripts of a program, in both orders of a step, against the interpreter."""
    with caught(f"comparing {name}"):
        exact = _exact(program, name)
        scripts = list(dict.fromkeys(print_script(exact, mode).text for mode in MODES))
        assert exact.protocol is not None
        given = batches(exact, [max(size, least_rows(exact)) for size in sizes], seed)
        found = validate_all(exact, scripts, given, exact.protocol.seed, devices)
    verdict.compared += len(scripts)
    for difference in found:
        if not difference.agrees:
            raise Bug(f"{name} disagrees with the interpreter: {difference}")


def _honest(network: Network) -> bool:
    """Whether all black boxes give the shapes that the program declares: a broken version may declare others."""
    for node in network.nodes.values():
        made = boxes.DEVICES.get(str(node.arguments["name"])) if node.kind == "opaque" else None
        if made is not None:
            given, declared = network.node(node.inputs[0]).type, node.type
            assert isinstance(given, Tensor) and isinstance(declared, Tensor)
            if made()(torch.zeros(2, *given.shape)).shape != (2, *declared.shape):
                return False
    return True


def _exact(program: Program, name: str) -> Program:
    """The program in float64, in which it is compared."""
    assert program.protocol is not None
    if program.protocol.precision == "f64":
        return program
    checked: Checked = check_source(program.source, variant=name, overrides=(("train.precision", "f64"),))
    if not checked.ok:
        raise Bug(f"refused in float64: {checked.errors[0].title_text}")
    return checked.program


@contextmanager
def caught(what: str) -> Iterator[None]:
    """Whatever is raised meanwhile is a bug."""
    try:
        yield
    except Bug:
        raise
    except Exception as problem:
        trace = "".join(traceback.format_exception(problem))
        raise Bug(f"{what}: {type(problem).__name__}: {problem}", trace) from problem


def _run(text: str, data: str, out: Path, devices: Devices) -> str:
    """A script's own run, from its options to `result.json`, in this process; the line that says why training failed."""
    shutil.rmtree(out, ignore_errors=True)
    script: Any = load_script(text, "drawn", devices)
    said = io.StringIO()
    before = torch.get_default_dtype()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            status = script.main(script.TASK, ["--data", data, "--out", str(out), *RUN])
    finally:
        torch.set_default_dtype(before)
    return _ended(status, said.getvalue(), out)


def _ended(status: int, said: str, out: Path) -> str:
    lines = [line for line in said.strip().splitlines() if not line.startswith("note: ")]
    if status == 1 and len(lines) == 1 and FORESEEN.search(lines[0]):
        return lines[0]
    if status:
        raise Bug(f"the script ends with status {status}: {said}")
    json.loads((out / "result.json").read_text(encoding="utf-8"))
    return ""


def _run_alone(text: str, data: str, folder: Path) -> None:
    """The same as a process of its own."""
    source = Path(boxes.__file__).read_text(encoding="utf-8")
    (folder / "lab").mkdir(exist_ok=True)
    for path in (folder / "drawn.py", folder / "boxes.py", folder / "lab" / "boxes.py"):
        path.write_text(text if path.name == "drawn.py" else source, encoding="utf-8")
    out = folder / "alone"
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, str(folder / "drawn.py"), "--data", data, "--out", str(out), *RUN]
    environment: Mapping[str, str] = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=folder)
    _ended(done.returncode, done.stdout + done.stderr, out)
