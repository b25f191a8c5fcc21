"""The README's table: what its program reaches, and what it costs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import lpc
from tests.docs.blocks import ROOT, blocks

SEEDS = (1, 2, 3)
NEAR = 1.0
"""Per cent that another processor may differ by: its sums round differently, and training goes another way."""
RUN = """import sys, {name} as script
for seed in sys.argv[1:]:
    script.main(script.TASK, ["--seed", seed, "--out", f"{name}-{{seed}}", "--quiet"])
"""


def results(name: str, variant: str | None, folder: Path) -> list[dict[str, Any]]:
    """Of one run a seed, all in one process."""
    program = next(block for block in blocks(ROOT / "README.md") if block.language == "lp" and "bad" not in block.marks)
    (folder / f"{name}.py").write_text(lpc.compile(program.text, "digits.lp", variant=variant).text, encoding="utf-8")
    command = [sys.executable, "-c", RUN.format(name=name), *map(str, SEEDS)]
    subprocess.run(command, cwd=folder, check=True, timeout=120)
    return [json.loads((folder / f"{name}-{seed}" / "result.json").read_text()) for seed in SEEDS]


def test_the_table_holds_what_is_reached(tmp_path: Path) -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `(\w+)` \| ([\d.]+) % \(([\d.]+) to ([\d.]+)\) \| ([\d.]+) MFLOP \| ([\d ]+) \| ([\d ]+) \|$",
        page,
        re.MULTILINE,
    )
    assert [row[0] for row in rows] == ["mono_forward", "backprop"]
    for rule, mean, least, most, flops, parameters, added in rows:
        found = results(f"by_{rule}", None if rule == "mono_forward" else rule, tmp_path)
        assert {use for one in found for use in one["rules"].values()} == {rule}
        reached = [100 * one["validation"]["accuracy"] for one in found]
        for shown, value in ((mean, sum(reached) / len(reached)), (least, min(reached)), (most, max(reached))):
            assert abs(float(shown) - value) <= NEAR
        assert f"{found[0]['flops']['per_step'] / 1e6:.1f}" == flops
        sums = [sum(block[kind] for block in found[0]["blocks"].values()) for kind in ("parameters", "rule_parameters")]
        assert sums == [int(text.replace(" ", "")) for text in (parameters, added)]
