"""`lpc verify`: what holds, what does not, and what could not be tried."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from lpc.rules import registry
from lpc.rules.general import GENERAL_LAWS
from lpc.rules.mono_forward import MonoForward
from lpc.rules.rule import Phase
from lpc.rules.run import Run
from lpc.rules.tracer import Recorder
from tests.cli.running import BROKEN, SOUND, lpc
from tests.laws.test_general import attach_everything


@dataclass(frozen=True)
class Leaking(MonoForward):
    """Mono-Forward but for one block, which hears of the errors above it."""

    def step(self, s: Recorder, run: Run, phase: Phase) -> None:
        values = s.forward(run)
        error = s.flow()
        for block in reversed(run):
            h = values[block.name]
            if block.is_output:
                own = s.grad(s.objective(h, of=block), h)
            else:
                head = run.head(block, self.projection(run, block))
                scores = s.head(head, h)
                moves, (own,) = s.vjp(scores, s.grad(s.local_objective(scores, of=block), scores))
                s.update(head, moves)
            error.add(h, own)
            gradients, below = s.vjp(h, error[h])
            s.update(block, gradients)
            error.give(h, below)


def test_a_sound_program_holds(here: Path) -> None:
    done = lpc("verify", "sound.lp")
    assert done.status == 0, done.out
    lines = done.out.splitlines()
    assert re.match(r"of +checked +examples +largest difference +time", lines[0])
    for variant in ("base", "backprop"):
        for law in GENERAL_LAWS:
            assert any(line.strip().startswith(variant) and law.name in line for line in lines)
    for rule in ("mono_forward", "backprop"):
        for law in registry.find(rule).laws:
            assert any(line.strip().startswith(rule) and law.name in line for line in lines)
    assert "mono_forward: one block = backprop with a head: there is not just one hidden block" in done.out
    assert re.search(r"^\d+ holds, \d+ not applicable$", done.err, re.MULTILINE)


def test_what_is_not_applicable_says_why_and_does_not_count(here: Path) -> None:
    checks = json.loads(lpc("verify", "sound.lp", "--json").out)["checks"]
    found = {(check["of"], check["checked"]): check for check in checks}
    one = found["mono_forward", "one block = backprop with a head"]
    assert (one["verdict"], one["examples"], one["largest_difference"]) == ("not applicable", 0, None)
    assert one["reason"] == "there is not just one hidden block"
    held = found["base", "script = interpreter"]
    assert held["verdict"] == "holds" and held["examples"] >= 1 and held["largest_difference"] < 1e-10


def test_a_budget_that_runs_out_says_what_was_not_tried(here: Path) -> None:
    done = lpc("verify", "sound.lp", "--budget", "0s")
    assert done.status == 0
    assert "not tried:\n" in done.out and " holds" not in done.out
    assert "a longer --budget tries the rest" in done.err


def test_a_rule_that_is_wrong_is_shown_small(here: Path) -> None:
    with registry.offered(Leaking):
        done = lpc("verify", "sound.lp", "--save", "found", "--seed", "3")
    assert done.status == 1
    broken = [line for line in done.out.splitlines() if " broken " in line]
    assert any(line.startswith("mono_forward") and "blocks above do not matter" in line for line in broken)
    assert any(line.startswith("base") and "blocks see what they may" in line for line in broken)
    assert re.search(r"`\w+\.linear\.(weight|bias)` differs by .* after step 1", done.out)
    saved = sorted((here / "found").glob("*.lp"))
    assert len(saved) == len(broken)
    texts = [path.read_text() for path in saved]
    (text,) = [text for text in texts if text.startswith("# mono_forward, in `base`: blocks above do not matter\n")]
    assert text.count("block ") == 2 and "linear(16)" not in text
    assert "learn all with mono_forward" in text
    for path in saved:
        assert lpc("check", f"found/{path.name}").status == 0, path.read_text()
    assert f"wrote {Path('found') / saved[0].name}" in done.err


def test_a_script_that_is_wrong_is_shown(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attach_everything(monkeypatch)
    done = lpc("verify", "sound.lp", "--save", "found")
    assert done.status == 1
    assert re.search(r"^base +script = interpreter +broken", done.out, re.MULTILINE)
    shown = r"^base: script = interpreter\nit fails: Leak: the losses that a step returns \(.*\) have a graph, in \w+, step 1$"
    assert re.search(shown, done.out, re.MULTILINE), done.out
    assert any(path.read_text().startswith("# base: script = interpreter\n") for path in (here / "found").glob("*.lp"))


def test_a_claim_is_tried_no_longer_than_there_is_time(here: Path) -> None:
    """Its first value takes a minute and more."""
    large = (here / "sound.lp").read_text().replace("linear(16)", "linear(2000)")
    (here / "large.lp").write_text(large + "claim base = backprop after 1000 steps\n")
    began = time.monotonic()
    checks = json.loads(lpc("verify", "large.lp", "--budget", "1s", "--json").out)["checks"]
    (claim,) = [check for check in checks if check["of"] == "claim"]
    assert (claim["verdict"], claim["reason"]) == ("not tried", "the budget ran out")
    assert time.monotonic() - began < 30


def test_a_claim_that_can_be_tried_nowhere_is_not_tried(here: Path) -> None:
    sound = (here / "sound.lp").read_text()
    (here / "claims.lp").write_text(f"{sound}let width = 4\nclaim base = backprop for width in -3..-1\n")
    (here / "claims.lp").write_text((here / "claims.lp").read_text().replace("linear(16)", "linear(width)"))
    done = lpc("verify", "claims.lp", "--budget", "100ms")
    assert re.search(
        r"^not tried:\n  claim: claim base = backprop for width in -3..-1: .*LP115", done.out, re.MULTILINE
    )


def test_a_false_claim_is_refuted_and_mended(here: Path) -> None:
    """What a new user does: state a claim, see it refuted, mend it."""
    sound = (here / "sound.lp").read_text()
    (here / "claims.lp").write_text(sound + "claim base = backprop\n")
    done = lpc("verify", "claims.lp", "--save", "found", "--budget", "3s")
    assert done.status == 1
    assert re.search(r"after step 1, `\w+\.linear\.\w+` \[[\d, ]+\] is .* in base and .* in backprop", done.out)
    saved = (here / "found" / "counterexample1.lp").read_text()
    assert saved.startswith("# claim: claim base = backprop\n") and saved.count("block ") <= 3
    assert lpc("check", "found/counterexample1.lp").status == 0
    (here / "claims.lp").write_text(sound + "claim base != backprop\n")
    done = lpc("verify", "claims.lp", "--budget", "3s")
    assert done.status == 0
    assert re.search(r"^claim +claim base != backprop +holds ", done.out, re.MULTILINE), done.out


def test_what_is_not_finite_is_null_in_json(here: Path) -> None:
    """Shapes that differ are infinitely far apart."""
    shapes = SOUND.replace("\n", "\nlet width = 16\n", 1).replace("linear(16)", "linear(width)")
    (here / "shapes.lp").write_text(f"{shapes}variant wide {{ let width = 8 }}\nclaim base = wide\n")
    done = lpc("verify", "shapes.lp", "--json", "--budget", "3s")
    assert done.status == 1
    assert not re.search("Infinity|NaN", done.out)
    (claim,) = [check for check in json.loads(done.out)["checks"] if check["of"] == "claim"]
    assert (claim["verdict"], claim["largest_difference"]) == ("broken", None)


def test_a_program_with_errors_is_not_tried(here: Path) -> None:
    (here / "broken.lp").write_text(BROKEN)
    done = lpc("verify", "broken.lp")
    assert done.status == 1
    assert "LP117" in done.out


@pytest.mark.parametrize("budget", ["soon", "30 s", "-1s"])
def test_a_budget_is_a_time(budget: str, here: Path) -> None:
    done = lpc("verify", "sound.lp", f"--budget={budget}")
    assert done.status == 2
    assert "30s or 5min" in done.err


def test_a_folder_that_cannot_be_written_is_named(here: Path) -> None:
    (here / "file").write_text("no folder")
    (here / "claims.lp").write_text((here / "sound.lp").read_text() + "claim base = backprop\n")
    done = lpc("verify", "claims.lp", "--save", "file/found", "--budget", "3s")
    assert done.status == 2
    assert "cannot write to file/found: not a directory" in done.err
