"""A report in a real browser: nothing runs, nothing is fetched, and it is dark where the reader wants it dark."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lpc.cli.report import findings_of, text_of
from tests.lab.made_bench import doctored, make_bench

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: apt install chromium)")
HOSTILE = "<script>document.title = 'taken'</script>"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a bench in which a variant has a hostile name."""
    folder = make_bench(tmp_path_factory.mktemp("bench") / "made")

    def spoil(found: dict[str, Any]) -> None:
        found["variants"][1]["label"] = HOSTILE

    doctored(folder, spoil)
    made = folder / "report.html"
    made.write_text(text_of(findings_of(folder), "html"), encoding="utf-8")
    return made


def chromium(page: Path, *arguments: str) -> str:
    assert CHROMIUM
    quiet = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--host-resolver-rules=MAP * 0.0.0.0",
    ]
    done = subprocess.run(
        [CHROMIUM, *quiet, f"--user-data-dir={page.parent / 'profile'}", *arguments, page.as_uri()],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_the_browser_makes_of_it(page: Path) -> None:
    dom = chromium(page, "--dump-dom")
    assert "<title>made: report</title>" in dom
    assert "<script" not in dom
    assert "&lt;script&gt;document.title" in dom
    assert dom.count('role="img"') == 6 + 3
    assert dom.rstrip().endswith("</html>")


@pytest.mark.parametrize(("scheme", "setting"), [("light", 1), ("dark", 0)])
def test_light_and_dark(page: Path, tmp_path: Path, scheme: str, setting: int) -> None:
    from matplotlib.image import imread

    picture = tmp_path / f"{scheme}.png"
    chromium(
        page,
        f"--screenshot={picture}",
        "--window-size=1200,4000",
        f"--blink-settings=preferredColorScheme={setting}",
    )
    pixels = imread(picture)[..., :3]
    assert pixels.shape[:2] == (4000, 1200)
    paper = pixels[2, 2].mean()
    assert paper > 0.95 if scheme == "light" else paper < 0.15
    assert (abs(pixels - pixels[2, 2]).max(axis=2) > 0.5).mean() > 0.01, "what is written stands out"


def test_it_prints(page: Path, tmp_path: Path) -> None:
    printed = tmp_path / "report.pdf"
    chromium(page, f"--print-to-pdf={printed}", "--blink-settings=preferredColorScheme=0")
    assert printed.read_bytes().startswith(b"%PDF")
