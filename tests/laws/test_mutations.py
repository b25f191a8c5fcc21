"""Validation finds scripts that are wrong: mistakes of the printer's kind, made on purpose, are all caught."""

from __future__ import annotations

import pytest

from lpc.codegen import segments
from lpc.codegen.schedule import _Scheduler
from lpc.codegen.script import print_script
from lpc.codegen.statements import StatementPrinter
from lpc.ir.program import Program
from lpc.laws.leaks import Leak
from lpc.laws.subject import scripts
from tests.laws.translation import batches_of, check, differs, sound

TEXT = """network mutated
data image: f32[6], label: class[3] = synthetic(examples = 20)
block a = image -> linear(5) -> tanh
block b = a -> linear(5) -> batch_norm -> tanh
block c = (a + b) -> linear(4) -> tanh
block readout = c -> linear(3)
objective cross_entropy(readout, label)
{learn}
train epochs = 1, batch = 5, optimizer = sgd(lr = 0.1), precision = f64
"""
MIXED = "learn a, b with mono_forward\nlearn rest with direct_feedback_alignment"


def program(learn: str) -> Program:
    text = TEXT.format(learn=learn)
    made = sound(text.replace("batch_norm", "layer_norm") if "dual_propagation" in learn else text)
    check(made, batches_of(made))
    return made


def caught(made: Program, text: str) -> bool:
    found = differs(made, text, batches_of(made))
    return isinstance(found, Exception) or not found.agrees


@pytest.mark.parametrize(
    ("learn", "right", "wrong"),
    [
        (MIXED, "net.b(a.detach())", "net.b(a)"),
        (MIXED, "net.c(a.detach(), b.detach())", "net.c(b.detach(), a.detach() * 1.001)"),
        ("learn all with backprop", "lr=0.1", "lr=0.10000001"),
        ("learn all with backprop", "loss.backward()", "(-loss).backward()"),
        ("learn all with backprop", "update(optimizer[", "(optimizer["),
        ("learn all with direct_feedback_alignment", "error @ net.a.", "-error @ net.a."),
        ("learn all with direct_feedback_alignment", "net.readout(c.detach())", "net.readout(c)"),
        ("learn all with feedback_alignment", "net.b(a, feedback=net.b.feedback_alignment)", "net.b(a)"),
        ("learn all with predictive_coding(prediction = strict)", "again=True", "again=False"),
        ("learn all with predictive_coding(prediction = strict)", " - a_value", " + a_value"),
        ("learn all with dual_propagation", "a_mean = 0.5", "a_mean = 0.51"),
        ("learn all with dual_propagation", "net.b.lower(a_mean)", "net.b.lower(a.detach())"),
        ("learn all with dual_propagation", "per_example(", "("),
        ("learn all with dual_propagation", "return self.activation(self.lower(x))", "return self.lower(x)"),
        ("learn all with forward_forward", "threshold=2.0", "threshold=2.1"),
        ("learn all with forward_forward", "normalise(a)", "(a)"),
        ("learn all with cascaded_forward", "    with torch.no_grad():\n        c =", "    if True:\n        c ="),
        ("learn all with cascaded_forward(predictor = least_squares)", "free=1", "free=0"),
        ("learn all with backprop", "loss.detach()", "loss"),
        ("learn all with mono_forward", "batch_norm(x)", "batch_norm(x) + 0 * self.batch_norm(x)"),
        ("learn all with mono_forward(predict = sum)", "scores + ", "scores - "),
    ],
)  # fmt: skip
def test_a_changed_script_is_caught(learn: str, right: str, wrong: str) -> None:
    made = program(learn)
    texts = [text for text in scripts(made).values() if right in text.partition("\n# -- ")[0]]
    assert texts, "the script does not have what is to be changed"
    assert any(caught(made, text.replace(right, wrong, 1)) for text in texts)


def test_without_detaching_scripts_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    made = program(MIXED)
    original = StatementPrinter.read

    def attached(self: StatementPrinter, value: object, **how: bool) -> str:
        return original(self, value, **{**how, "attached": True})  # type: ignore[arg-type]

    monkeypatch.setattr(StatementPrinter, "read", attached)
    assert all(caught(made, text) for text in scripts(made).values())


def test_updates_that_come_too_early_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block evaluated twice in a step learns after the second time."""
    made = program("learn a with forward_forward\nlearn rest with backprop")
    monkeypatch.setattr(_Scheduler, "_still_read", lambda _self, _unit, _at: False)
    assert caught(made, print_script(made, "at once").text)


def test_graphs_that_leak_are_caught_though_numbers_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is recorded beside a segment changes nothing but time and memory, until a backward call walks it."""
    made = program("learn all with predictive_coding(prediction = strict)")
    printed = print_script(made).text
    text = printed.replace("a_error = a.detach() - a_value", "a_error = a - a_value")
    assert text != printed
    assert isinstance(differs(made, text, batches_of(made)), Leak)


def test_gradients_left_behind_are_caught() -> None:
    """A frozen block whose forward is recorded gets gradients that nobody asked for."""
    made = program("learn all with cascaded_forward")
    own, mark, rest = print_script(made, "summed").text.partition("\n# -- ")
    text = own.replace("torch.no_grad()", "torch.enable_grad()") + mark + rest
    found = differs(made, text, batches_of(made))
    assert isinstance(found, Leak)
    assert "a gradient is left on" in str(found)


def test_kinds_of_optimizers_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    made = program("learn a with mono_forward(optimizer = adam(lr = 0.01))\nlearn rest with mono_forward")
    monkeypatch.setattr(
        _Scheduler, "kind", property(lambda _self: lambda _block: "", lambda _self, _value: None), raising=False
    )
    assert caught(made, print_script(made, "summed").text)


def test_a_spelling_that_forgets_a_term_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """`a` feeds two blocks: its gradient has two terms."""
    made = program("learn all with backprop")
    original = segments._Speller._terms
    monkeypatch.setattr(
        segments._Speller, "_terms", lambda self, cotangent, forward: original(self, cotangent, forward)[:1]
    )
    assert all(caught(made, text) for text in scripts(made).values())
