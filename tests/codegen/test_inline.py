"""Taking runtime parts along: what is needed and nothing else, word for word, in a text that style checkers accept."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lpc.codegen.inline import ORDER, bindings, import_lines, inline, read_module, runtime, top_level_names
from tests.codegen.standing_alone import stand_alone

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "runtime" / "sample_digits.py"


def module(text: str) -> dict[str, tuple[str, set[str]]]:
    """Of each definition of a module, its text and what it uses."""
    return {d.name: (d.text, set(d.uses)) for d in read_module("m", text).definitions}


def test_uses_are_what_is_looked_up_at_the_top_level() -> None:
    found = module(
        "import torch\n"
        "def f(a: A, b=B, *, c: C = D) -> R:\n"
        "    local = a + other\n"
        "    def inner(x): return x + local + G\n"
        "    return [k + H for k in inner(b)] + [len(torch.zeros(1))]\n"
    )
    assert found["f"][1] == {"A", "B", "C", "D", "R", "other", "G", "H", "torch"}


def test_a_local_name_is_not_the_function_of_that_name() -> None:
    assert (
        module("def f(state):\n    for main in state:\n        with main as data: pass\n    return data\n")["f"][1]
        == set()
    )


def test_uses_of_classes() -> None:
    found = module(
        "@deco(E)\nclass A(Base, meta=M):\n    x: T = V\n    y = x\n    def g(self, x: P = x) -> 'Q':\n        return y + self.z\n"
    )
    assert found["A"][1] == {"deco", "E", "Base", "M", "T", "V", "P", "y"}


def test_texts_have_their_comments_decorators_and_docstrings() -> None:
    text = (
        '"""Title."""\n\nimport a\n\n# not this one\n\n# two\n# lines\n@d\ndef f():\n    return 1  # why\n\n\n'
        'X = 1  # one\n"""What X is."""\nY: int = 2\n'
    )
    found = module(text)
    assert found["f"][0] == "# two\n# lines\n@d\ndef f():\n    return 1  # why"
    assert found["X"][0] == 'X = 1  # one\n"""What X is."""'
    assert found["Y"][0] == "Y: int = 2"


def test_a_module_with_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match=r"m\.py, line 2"):
        read_module("m", "import a\nprint(a)\n")


def test_every_module_has_its_place() -> None:
    modules = {path.stem for path in (ROOT / "lpc" / "runtime").glob("*.py")}
    assert sorted(ORDER) == sorted(modules - {"__init__"})


def test_top_level_names_are_unique_and_no_import_hides_one() -> None:
    names = [d.name for m in runtime() for d in m.definitions]
    assert len(names) == len(set(names))
    imported: dict[str, set[str]] = {}
    for m in runtime():
        for name, statement in m.imports.items():
            imported.setdefault(name, set()).add(statement)
    assert not set(names) & imported.keys()
    assert all(len(statements) == 1 for statements in imported.values()), "one name, two things"
    assert set(names) | imported.keys() == set(top_level_names())


def test_all_that_is_used_is_there() -> None:
    """Every global name of every definition is a definition, an import of its module or a builtin."""
    known = {d.name for m in runtime() for d in m.definitions}
    for m in runtime():
        for d in m.definitions:
            assert not d.uses - known - m.imports.keys(), f"{d.name} of {m.title}"


def test_only_what_is_used_comes_along() -> None:
    names = inline(["main", "load_digits", "split", "Stopwatch", "Task", "Phase"]).names
    assert {"train", "evaluate", "NamedRandom", "RANDOM"} <= set(names)
    absent = "load_csv load_mnist load_npz load_text load_cifar10 download cached standardised open_meter Meter carbon"
    absent += " peak_memory schedule cosine flip crop use_names dropout"
    for name in absent.split():
        assert name in top_level_names()
        assert name not in names
    assert {"load_mnist", "download", "find_file", "md5"} <= set(inline(["load_mnist"]).names)
    assert {"load_csv", "read_table"} <= set(inline(["load_csv"]).names)
    assert not {"load_fashion_mnist", "FASHION_MNIST"} & set(inline(["load_mnist"]).names)
    assert not {"Stopwatch", "open_nvml"} & set(inline(["main"]).names)


def test_a_name_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError, match="no_such_part"):
        inline(["no_such_part"])


def test_the_text_is_that_of_the_modules() -> None:
    taken = inline(["main"])
    for m in runtime():
        for d in m.definitions:
            assert (d.text in taken.text) == (d.name in taken.names)
    assert "lpc" not in {node.module for node in ast.walk(ast.parse(taken.text)) if isinstance(node, ast.ImportFrom)}
    compile(taken.text, "taken", "exec")


def test_imports_are_laid_out_as_ruff_does() -> None:
    statements = [
        "from torch import nn",
        "import sys",
        "import torch",
        "from torch import Tensor",
        "from typing import Any",
        "import torch.nn.functional as F",
        "import json",
        "import sys",
    ]
    assert import_lines(statements) == [
        "import json",
        "import sys",
        "from typing import Any",
        "",
        "import torch",
        "import torch.nn.functional as F",
        "from torch import Tensor, nn",
    ]
    long = [f"from lab_devices import Cavity{k:040}" for k in range(3)]
    assert import_lines(long)[:2] == ["from lab_devices import (", f"    Cavity{0:040},"]


def test_import_statements_bind_one_name_each() -> None:
    node = ast.parse("from a import b, c as d\n").body[0]
    assert isinstance(node, ast.ImportFrom)
    assert bindings(node) == {"b": "from a import b", "d": "from a import c as d"}


def test_style_checkers_accept_the_script(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(stand_alone(SAMPLE.read_text()))
    config = ["--config", str(ROOT / "pyproject.toml")]
    for command in (["check", *config], ["format", "--check", *config]):
        found = subprocess.run(
            [sys.executable, "-m", "ruff", *command, str(path)], text=True, capture_output=True, check=False
        )
        assert found.returncode == 0, found.stdout + found.stderr


def test_every_part_of_the_runtime_is_accepted_too(tmp_path: Path) -> None:
    """All of it at once: undefined names and clashes would show."""
    names = [d.name for m in runtime() for d in m.definitions]
    taken = inline(names)
    assert list(taken.names) == sorted(names)
    path = tmp_path / "everything.py"
    head = ['"""All."""', "", "from __future__ import annotations", "", *import_lines(taken.imports), "", ""]
    path.write_text("\n".join(head) + taken.text + "\n")
    found = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--line-length=120", "--select=F,E9,I", str(path)],
        text=True,
        capture_output=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout


def test_the_same_text_whatever_the_hash_seed() -> None:
    code = "import json; from lpc.codegen.inline import inline; t = inline(['main', 'load_csv', 'cosine'])"
    code += "; print(json.dumps([t.imports, t.text]))"
    texts = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            text=True,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    ]
    assert texts[0] == texts[1]
    assert json.loads(texts[0])[1] == inline(["main", "load_csv", "cosine"]).text


def test_torch_is_not_imported() -> None:
    code = "import sys; from lpc.codegen.inline import inline; inline(['main']); print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True, check=True)
    assert found.stdout == "False\n"
