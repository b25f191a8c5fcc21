"""The runtime's smaller parts, each on its own."""

from __future__ import annotations

import math
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lpc.runtime.augment import crop, flip
from lpc.runtime.cached import cached
from lpc.runtime.clock import Stopwatch
from lpc.runtime.data import Binding, Splits, batches, checked, prepared, split
from lpc.runtime.failure import BadInput
from lpc.runtime.initialise import initialise
from lpc.runtime.names import use_names
from lpc.runtime.options import number, read_options
from lpc.runtime.progress import Progress
from lpc.runtime.random import RANDOM
from lpc.runtime.rates import constant, cosine, linear, schedule, staircase
from lpc.runtime.standardise import standardised

# Rates


def factors(
    curve: Callable[[float, float], float], length: int, steps: int, per_epoch: int, **more: Any
) -> list[float]:
    factor = schedule(curve, length, **more)
    return [factor(step, per_epoch) for step in range(steps)]


def test_rates_over_epochs() -> None:
    assert factors(linear, 2, 5, 2) == [1.0, 0.75, 0.5, 0.25, 0.0]
    assert factors(cosine, 2, 5, 2) == pytest.approx([(1 + math.cos(math.pi * k / 4)) / 2 for k in range(5)])
    assert factors(staircase(2, 0.1), 6, 18, 3) == pytest.approx([1.0] * 6 + [0.1] * 6 + [0.01] * 6)


def test_rates_over_steps() -> None:
    assert factors(linear, 4, 6, 99, by_steps=True) == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    assert factors(staircase(3, 0.5), 9, 7, 2, by_steps=True) == [1.0] * 3 + [0.5] * 3 + [0.25]


def test_a_staircase_falls_exactly_between_epochs() -> None:
    for per_epoch in (7, 23, 469):
        found = factors(staircase(3, 0.1), 30, 30 * per_epoch, per_epoch)
        falls = [step for step in range(1, len(found)) if found[step] != found[step - 1]]
        assert falls == [3 * k * per_epoch for k in range(1, 10)]


def test_a_warm_up_rises_by_equal_amounts_to_1_and_the_curve_has_what_is_left() -> None:
    assert factors(constant, 4, 8, 2, warmup=2) == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert factors(linear, 4, 9, 2, warmup=2)[4:] == [1.0, 0.75, 0.5, 0.25, 0.0]


@pytest.mark.parametrize("warmup", [2, 3])
def test_a_phase_that_goes_on_after_a_warm_up_took_everything_is_at_its_end(warmup: int) -> None:
    """A pass that fits has its own length, and `--steps` can ask for more than the program says."""
    for curve, end in ((linear, 0.0), (cosine, 0.0), (constant, 1.0)):
        found = factors(curve, 2, 5, 9, warmup=warmup, by_steps=True)
        assert found == [*((step + 1) / warmup for step in range(warmup)), *[end] * (5 - warmup)]


# Data in memory


def examples(count: int, width: int = 2) -> Splits:
    return Splits((torch.arange(count * width).view(count, width).float(), torch.arange(count)))


def test_a_split_takes_every_example_once_with_its_label() -> None:
    splits = split(examples(50), validation=0.2, test=7)
    assert splits.validation is not None
    assert splits.test is not None
    assert [len(part[0]) for part in (splits.train, splits.validation, splits.test)] == [33, 10, 7]
    labels = torch.cat([splits.train[1], splits.validation[1], splits.test[1]])
    assert labels.sort().values.tolist() == list(range(50))
    for part in (splits.train, splits.validation, splits.test):
        assert torch.equal(part[0][:, 0], 2.0 * part[1])


def test_a_test_part_leaves_the_validation_part_as_it_is() -> None:
    one, two = split(examples(50), validation=10), split(examples(50), validation=10, test=5)
    assert one.validation is not None
    assert two.validation is not None
    assert torch.equal(one.validation[1], two.validation[1])


def test_a_split_follows_the_seed() -> None:
    RANDOM.seed = 2
    other = split(examples(50), validation=10).validation
    RANDOM.seed = 1
    one, again = split(examples(50), validation=10).validation, split(examples(50), validation=10).validation
    assert one is not None
    assert again is not None
    assert other is not None
    assert torch.equal(one[1], again[1])
    assert not torch.equal(one[1], other[1])


def test_a_split_must_leave_something_and_take_something() -> None:
    with pytest.raises(BadInput, match="60 examples for validation and test leave none of 50"):
        split(examples(50), validation=60)
    tiny = split(examples(3), validation=0.01).validation
    assert tiny is not None
    assert len(tiny[0]) == 1
    assert split(examples(3)).validation is None


def test_a_published_test_part_stays() -> None:
    whole = Splits(examples(9).train, test=examples(4).train)
    assert split(whole, validation=2).test is whole.test


def test_standardised_by_the_training_part() -> None:
    train = (
        torch.randn(40, 3, 5, 5, generator=torch.Generator().manual_seed(0))
        * torch.tensor([2.0, 3.0, 0.0])[:, None, None]
        + 7
    )
    whole = Splits((train, torch.arange(40)), validation=(train[:3] + 1, torch.arange(3)))
    found = standardised(whole, (0,))
    assert found.validation is not None
    assert torch.allclose(found.train[0].mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(found.train[0].std((0, 2, 3), correction=0), torch.tensor([1.0, 1.0, 0.0]), atol=1e-5)
    assert torch.allclose(
        found.validation[0] - found.train[0][:3],
        1 / torch.tensor(found.facts["deviation"][0])[:, None, None].float(),
        atol=1e-4,
    )
    assert found.train[1] is whole.train[1]
    assert found.train[0].dtype == torch.float32
    assert found.facts["mean"][0] == pytest.approx([7, 7, 7], abs=0.5)


def test_batches_hold_every_row_once_in_order() -> None:
    part = examples(10).train
    order = torch.tensor([3, 1, 4, 0, 5, 9, 2, 6, 8, 7])
    seen = [(x.clone(), y.clone()) for x, y in batches(part, order, 4)]
    assert [y.tolist() for _, y in seen] == [[3, 1, 4, 0], [5, 9, 2, 6], [8, 7]]
    assert all(torch.equal(x[:, 0], 2.0 * y) for x, y in seen)
    assert [y.tolist() for _, y in batches(part, order, 4, first=1)] == [[5, 9, 2, 6], [8, 7]]
    assert [y.tolist() for _, y in batches(part, None, 6)] == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9]]
    assert [len(y) for _, y in batches(part, order, 99)] == [10]


def test_full_batches_use_the_same_memory() -> None:
    places = {x.data_ptr() for x, _ in batches(examples(12).train, torch.arange(12), 3)}
    assert len(places) == 1


def test_parts_are_cut_and_cast() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        found = prepared(Splits((*examples(9).train, torch.zeros(9)), facts={"a": 1}), 2, 4, torch.device("cpu"))
    finally:
        torch.set_default_dtype(torch.float32)
    x, y = found.train
    assert (found.validation, found.test, found.facts) == (None, None, {"a": 1})
    assert (len(x), x.dtype, len(y), y.dtype) == (4, torch.float64, 4, torch.int64)


@pytest.mark.parametrize(
    ("tensor", "binding", "said"),
    [
        (torch.tensor([[1.0, math.inf]]), Binding("x", (2,)), "f: x of example 0 is inf, not finite"),
        (torch.tensor([0, 3]), Binding("y", classes=3), "f: y of example 1 is 3, not from 0 to 2"),
        (torch.zeros(2, 3), Binding("x", (2,)), r"f: an example of x has shape \[3\], the program says \[2\]"),
    ],
)
def test_examples_of_another_type_are_refused(tensor: Tensor, binding: Binding, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        checked(tensor, binding, "f")


def test_what_is_cached_is_what_the_prefix_gives() -> None:
    x, y = examples(10).train
    made = cached(lambda net, x, y: (y, net(x)))(nn.Identity(), (x, y), 4)
    assert torch.equal(made[0], y)
    assert torch.equal(made[1], x)


# Changes of images


def test_images_are_mirrored_or_not() -> None:
    images = torch.arange(2 * 3 * 4 * 5.0).view(2, 3, 4, 5).repeat(50, 1, 1, 1)
    made = flip(images, 7)
    mirrored = [torch.equal(a, b.flip(2)) for a, b in zip(made, images, strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(made, images, strict=True)]
    assert all(m != k for m, k in zip(mirrored, kept, strict=True))
    assert 25 < sum(mirrored) < 75
    assert torch.equal(made, flip(images, 7))
    assert not torch.equal(made, flip(images, 8))


def test_images_are_shifted_whole() -> None:
    images = torch.arange(1, 2 * 5 * 6 + 1.0).view(1, 2, 5, 6).repeat(60, 1, 1, 1)
    padded = torch.nn.functional.pad(images[0], [2] * 4)
    places = [(top, left) for top in range(5) for left in range(5)]
    seen = set()
    for made in crop(images, 3, 2):
        fits = [(t, l) for t, l in places if torch.equal(made, padded[:, t : t + 5, l : l + 6])]
        assert len(fits) == 1
        seen.add(fits[0])
    assert len(seen) > 12
    assert crop(images, 3).shape == images.shape


# Names


class Chain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.ModuleList(nn.Sequential(nn.Linear(2, 2)) for _ in range(2))
        self.train_ = nn.Linear(2, 1)


def test_state_has_the_names_of_the_program() -> None:
    names = {
        "layer.0": "layer_1",
        "layer.1": "layer_2",
        "layer.0.0": "layer_1.linear",
        "layer.1.0": "layer_2.linear",
        "train_": "train",
    }
    net, other = Chain(), Chain()
    use_names(net, names)
    use_names(other, names)
    initialise(net, names)
    wanted = [
        f"{block}.{kind}" for block in ("layer_1.linear", "layer_2.linear", "train") for kind in ("weight", "bias")
    ]
    assert list(net.state_dict()) == wanted
    assert torch.equal(net.train_.weight, RANDOM.uniform("train.weight", (1, 2), -(2**-0.5), 2**-0.5))
    other.load_state_dict(net.state_dict())
    assert torch.equal(other.layer[1][0].weight, net.layer[1][0].weight)  # type: ignore[index]
    assert dict.fromkeys(net.state_dict(keep_vars=True).values()).keys() == set(net.parameters())
    with pytest.raises(RuntimeError, match=r"layer\.0\.0\.weight"):
        other.load_state_dict({name: t for name, t in net.state_dict().items() if name != "layer_1.linear.weight"})


# Options, clock, progress


def test_options_of_the_program_and_of_the_command_line() -> None:
    options = read_options("net-base", 5, [])
    assert (options.out, options.seed, options.data) == (Path("runs/net-base-5"), 5, "data")
    options = read_options("net-base", 5, ["--seed", "7", "--epochs", "0"])
    assert (options.out, options.epochs) == (Path("runs/net-base-7"), 0)


@pytest.mark.parametrize("text", ["-1", "1.5", "", "x", "1e3", "²", "٣"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="whole number"):
        number(text)


def test_help_fits_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        read_options("net-base", 5, ["--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    options = "data out device epochs steps seed limit threads resume overwrite download idle quiet json"
    assert all(f"--{option}" in said for option in options.split())


def test_a_stopwatch_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    clock = Stopwatch(torch.device("cpu"), 0)
    for phase, until in (("data", 1.0), ("train", 3.0), ("validate", 7.0), ("train", 8.0)):
        now[0] = until
        clock.enter(phase)
    now[0] = 10.0
    clock.close()
    assert clock.seconds() == {"setup": 1.0, "data": 2.0, "train": 4.0 + 2.0, "validate": 1.0}
    other = Stopwatch(torch.device("cpu"), 0)
    other.restore({"seconds": {"train": 5.0}})
    now[0] = 11.0
    other.enter("train")
    assert other.seconds() == {"train": 5.0, "setup": 1.0}
    assert clock.totals() == {"seconds": clock.seconds()}


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    record = dict.fromkeys(("train/accuracy", "validation/loss", "validation/accuracy", "joules"))
    progress = Progress(False, "net train", 4, 1)
    progress.step()
    progress.epoch({**record, "epoch": 1, "step": 2, "train/loss": 0.5, "seconds": 1.0})
    progress.close()
    said = capsys.readouterr().err
    assert "net train" in said
    assert "train/loss 0.5" in said
    monkeypatch.setitem(sys.modules, "tqdm", None)
    Progress(False, "net train", 4, 1)
    assert capsys.readouterr().err.count("tqdm is not installed") == 1
