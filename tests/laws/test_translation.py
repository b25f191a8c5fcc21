"""Translation validation: scripts do what the reference interpreter does, with every option of every rule. Random programs are
drawn in `test_general.py`.
"""

from __future__ import annotations

from itertools import product

import pytest
import torch

from lpc.rules import registry
from lpc.rules.rule import Parameter
from tests.laws.translation import batches_of, check, compiled, sound

RULES = list(registry.BUILT_IN)


# -- every option of every rule -----------------------------------------------------------------------------------

HEAD = "network fixed\ndata {data} = synthetic(examples = 20)\n{blocks}objective cross_entropy(readout, label)\nlearn all with {rule}\n"
TRAIN = "train epochs = 2, batch = 5, optimizer = sgd(lr = 0.1), precision = f64, order = {order}\n"
IMAGE, FEATURES = "image: f32[1, 4, 4], label: class[3]", "x: f32[5], label: class[3]"
NETWORKS = {
    "one": (
        IMAGE,
        ("block hidden = image -> flatten -> linear(6) -> tanh\n"
        "block readout = hidden -> linear(3)\n"),
    ),
    "three": (
        IMAGE,
        ("block hidden1 = image -> flatten -> linear(6) -> relu\n"
        "block hidden2 = hidden1 -> linear(5) -> tanh\n"
        "block hidden3 = hidden2 -> linear(5)\n"
        "block readout = hidden3 -> linear(3)\n"),
    ),
    "chain": (
        IMAGE,
        ("block layer[5] = image -> flatten -> linear(4) -> leaky_relu\n"
        "block readout = layer -> linear(3)\n"),
    ),
    "images": (
        IMAGE,
        ("block conv1 = image -> conv(3, kernel = 3, padding = 1) -> batch_norm -> relu -> max_pool(2)\n"
        "block conv2 = conv1 -> depthwise_conv(3, padding = 1) -> conv(4, kernel = 1) -> relu\n"
        "block up = conv2 -> conv_transpose(2, kernel = 2, stride = 2) -> group_norm(1) -> gelu\n"
        "block readout = up -> flatten -> linear(3)\n"),
    ),
    "joined": (
        "x: f32[5], y: f32[4], label: class[3]",
        ("block a = x -> linear(4) -> silu\n"
        "block b = concat(a, y) -> linear(4) -> layer_norm -> sigmoid\n"
        "block c = (a + b) -> linear(4) -> rms_norm\n"
        "block readout = concat(a, c) -> linear(3)\n"),
    ),
}  # fmt: skip


def options(parameters: tuple[Parameter, ...]) -> list[str]:
    """Argument lists: words in every combination, and each number apart."""
    words = [p for p in parameters if p.kind == "word"]
    found = [
        ", ".join(f"{p.name} = {word}" for p, word in zip(words, chosen, strict=True))
        for chosen in product(*(p.words for p in words))
    ]
    numbers = [p for p in parameters if p.kind != "word"]
    return [
        *found,
        *(f"{p.name} = {3 if p.kind == 'int' else 0.5}" for p in numbers),
        "lr = 0.02",
        "optimizer = adam(lr = 0.01)",
    ]


CASES = [(rule, arguments) for rule in RULES for arguments in options(registry.find(rule).parameters())]


@pytest.mark.parametrize(("rule", "arguments"), CASES, ids=[f"{rule}({arguments})" for rule, arguments in CASES])
def test_every_option_of_every_rule(rule: str, arguments: str) -> None:
    validated = 0
    for data, blocks in NETWORKS.values():
        for order in ("simultaneous", "sequential"):
            text = (HEAD + TRAIN).format(data=data, blocks=blocks, rule=f"{rule}({arguments})", order=order)
            program, report = compiled(text)
            if not report.errors:
                check(program, batches_of(program))
                validated += 1
    assert validated >= 2


# -- what random programs do not have -----------------------------------------------------------------------------


def cavity() -> object:
    return lambda x: torch.sin(x.sum(1, keepdim=True)) * torch.arange(1, 4)


@pytest.mark.parametrize("predictor", ["cross_entropy", "least_squares"])
@pytest.mark.parametrize("name", ["lab.devices:cavity", "lab:Network", "lab:Path"])
def test_black_boxes_under_a_rule_that_never_differentiates(predictor: str, name: str) -> None:
    blocks = (
        "block encode = x -> linear(4)\n"
        f'block box = encode -> opaque("{name}", out = [3])\n'
        f'block again = box -> opaque("{name}", out = [3])\n'
        "block readout = again -> linear(3)\n"
    )
    rule = f"cascaded_forward(predictor = {predictor})"
    program = sound((HEAD + TRAIN).format(data=FEATURES, blocks=blocks, rule=rule, order="simultaneous"))
    check(program, batches_of(program), {name: cavity})  # type: ignore[dict-item]


def test_a_black_box_for_an_activation() -> None:
    """It is evaluated at both states of its units, and never differentiated."""
    blocks = 'block a = x -> linear(4) -> opaque("lab:Wave", out = [4])\nblock b = a -> linear(4) -> tanh\nblock readout = b -> linear(3)\n'
    program = sound((HEAD + TRAIN).format(data=FEATURES, blocks=blocks, rule="dual_propagation", order="simultaneous"))
    check(program, batches_of(program), {"lab:Wave": lambda: torch.sin})
