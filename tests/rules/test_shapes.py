"""Rules on blocks that the oracles do not have: convolutions, and labels at every position of a text.

What a rule should do is written out once more, in torch: each block by its definition, every signal by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lpc.runtime.random import RANDOM
from tests.rules.oracles.network import Batches
from tests.rules.running import assert_close, compiled, exactly, interpreted, scripted

Weights = Mapping[str, Tensor]
Block = Callable[[Weights, Tensor], Tensor]
Gradients = dict[str, Tensor]
RATE = 0.2
STRICT = "predictive_coding(prediction = strict, iterations = 6)"


@dataclass(frozen=True)
class Network:
    """A program without its `learn` line, and its blocks by hand."""

    text: str
    blocks: Mapping[str, Block]
    batch: tuple[Tensor, Tensor]
    positions: bool = False

    def compiled_with(self, rule: str) -> str:
        return f"{self.text}learn all with {rule}\ntrain epochs = 1, batch = 4, optimizer = sgd(lr = {RATE})\n"

    def flat(self, x: Tensor) -> Tensor:
        """What a head reads: the features of a position, where labels have positions."""
        return x if self.positions else x.flatten(1)


def linear(name: str, w: Weights, x: Tensor) -> Tensor:
    return F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])


def conv(name: str, w: Weights, x: Tensor, **place: int) -> Tensor:
    return F.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], **place)


def drawn(*shape: int) -> Tensor:
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


IMAGES = Network(
    "network images\ndata x: f32[2, 6, 6], y: class[3] = synthetic(examples = 20)\n"
    "block hidden1 = x -> conv(4, kernel = 3, padding = 1) -> tanh -> avg_pool(2)\n"
    "block hidden2 = hidden1 -> conv(3, kernel = 2) -> tanh\n"
    "block readout = hidden2 -> flatten -> linear(3)\nobjective cross_entropy(readout, y)\n",
    {
        "hidden1": lambda w, x: F.avg_pool2d(torch.tanh(conv("hidden1.conv", w, x, padding=1)), 2),
        "hidden2": lambda w, x: torch.tanh(conv("hidden2.conv", w, x)),
        "readout": lambda w, x: linear("readout.linear", w, x.flatten(1)),
    },
    (drawn(4, 2, 6, 6), torch.tensor([0, 2, 1, 2])),
)
TEXT = Network(
    'network text\ndata x, y = text("some.txt", context = 5, classes = 4)\n'
    "block hidden1 = x -> embedding(6) + position(6)\n"
    "block hidden2 = hidden1 -> linear(7) -> tanh\n"
    "block readout = hidden2 -> linear(classes(y))\nobjective cross_entropy(readout, y)\n",
    {
        "hidden1": lambda w, x: w["hidden1.embedding.weight"][x] + w["hidden1.position.weight"],
        "hidden2": lambda w, x: torch.tanh(linear("hidden2.linear", w, x)),
        "readout": lambda w, x: linear("readout.linear", w, x),
    },
    ((drawn(4, 5) * 4).long(), (drawn(4, 5).flip(0) * 4).long()),
    positions=True,
)


def loss(scores: Tensor, label: Tensor) -> Tensor:
    return F.cross_entropy(scores.flatten(0, -2), label.flatten())


def slopes(value: Tensor, w: Weights, signal: Tensor | None = None) -> Gradients:
    """The gradients of all weights that have a part in a value."""
    names = [name for name in w if w[name].requires_grad]
    found = torch.autograd.grad(value, [w[name] for name in names], signal, allow_unused=True)
    together = zip(names, found, strict=True)
    return {name: slope for name, slope in together if slope is not None}  # type: ignore[redundant-expr]


def forwards(net: Network, w: Weights) -> list[Tensor]:
    """The data and every block's output, cut from each other."""
    values = [net.batch[0]]
    for block in net.blocks.values():
        values.append(block(w, values[-1]).detach())
    return values


def output_error(net: Network, scores: Tensor) -> Tensor:
    at = scores.detach().requires_grad_()
    return torch.autograd.grad(loss(at, net.batch[1]), at)[0]


def backprop(net: Network, w: Weights) -> Gradients:
    h = net.batch[0]
    for block in net.blocks.values():
        h = block(w, h)
    return slopes(loss(h, net.batch[1]), w)


def deep_supervision(net: Network, w: Weights) -> Gradients:
    """The objective, and 0.3 times the loss of every projection."""
    h, total = net.batch[0], torch.zeros((), dtype=torch.float64)
    for name, block in net.blocks.items():
        h = block(w, h)
        head = f"{name}.deep_supervision.projection"
        total = total + (
            0.3 * loss(F.linear(net.flat(h), w[head]), net.batch[1]) if head in w else loss(h, net.batch[1])
        )
    return slopes(total, w)


def random_features(net: Network, w: Weights) -> Gradients:
    read = forwards(net, w)[-2]
    return slopes(loss(net.blocks["readout"](w, read), net.batch[1]), w)


def mono_forward(net: Network, w: Weights) -> Gradients:
    values, found = forwards(net, w), Gradients()
    for (name, block), x in zip(net.blocks.items(), values, strict=False):
        head = f"{name}.mono_forward.projection"

        def scores(w: Weights, x: Tensor, block: Block = block, head: str = head) -> Tensor:
            return F.linear(net.flat(block(w, x)), w[head]) if head in w else block(w, x)

        found |= slopes(scores(w, x), w, output_error(net, scores(w, x)))
    return found


def direct_feedback_alignment(net: Network, w: Weights) -> Gradients:
    values, found = forwards(net, w), Gradients()
    error = output_error(net, values[-1])
    for (name, block), x in zip(net.blocks.items(), values, strict=False):
        matrix = w.get(f"{name}.direct_feedback_alignment.feedback")
        signal = error if matrix is None else (error @ matrix).reshape(block(w, x).shape)
        found |= slopes(block(w, x), w, signal)
    return found


def cascaded_forward(net: Network, w: Weights) -> Gradients:
    """Frozen hidden blocks; the output block is the predictor of the last."""
    values, found = forwards(net, w), Gradients()
    head = "hidden1.cascaded_forward.weight"
    scores = F.linear(values[1].flatten(1), w[head])
    found[head] = output_error(net, scores).T @ values[1].flatten(1)
    return found | slopes(net.blocks["readout"](w, values[-2]), w, output_error(net, values[-1]))


def normalise(x: Tensor) -> Tensor:
    return x / (x.pow(2).flatten(1).mean(1).sqrt().view(-1, 1, 1, 1) + 1e-8)


def forward_forward(net: Network, w: Weights) -> Gradients:
    """The label is written into the image's first pixels; goodness is over all channels and places."""
    image, label = net.batch
    with exactly():
        wrong = (label + RANDOM.integers("forward_forward/wrong_label/0", label.shape, 1, 3)) % 3
    marked = torch.cat([image, image]).flatten(1).clone()
    marked[:, :3] = F.one_hot(torch.cat([label, wrong]), 3).double()
    x, found = normalise(marked.view(8, 2, 6, 6)), Gradients()
    for name in ("hidden1", "hidden2"):
        h = net.blocks[name](w, x)
        goodness = h.pow(2).flatten(1).mean(1)
        lost = F.softplus(torch.cat([2.0 - goodness[:4], goodness[4:] - 2.0])).mean()
        found |= slopes(lost, w)
        x = normalise(h.detach())
    return found


def feedback_alignment(net: Network, w: Weights) -> Gradients:
    """By the surrogate f(sg(h), W) + t - sg(t) with t = f(h, B): its gradient for h goes through B alone."""
    h, found = net.batch[0], dict(w)
    for name, block in net.blocks.items():
        around = {n: v for n, v in w.items() if ".feedback_alignment." in n and n.startswith(f"{name}.")}
        if not around:
            h = block(found, h)
            continue
        ((matrix, via),) = around.items()
        own = f"{name}.{matrix.rpartition('.')[2]}"
        if own.endswith("conv"):
            z, t = conv(own, w, h.detach()), F.conv2d(h, via)
        else:
            h = h if net.positions else h.flatten(1)
            z, t = linear(own, w, h.detach()), F.linear(h, via)
        z = z + t - t.detach()
        h = z if name == "readout" else torch.tanh(z)
    return slopes(loss(h, net.batch[1]), w)


def learned_feedback(net: Network, w: Weights) -> Gradients:
    """Each matrix makes the moves of its weight."""
    found = feedback_alignment(
        net, {name: v.detach().requires_grad_(".feedback_" not in name) for name, v in w.items()}
    )
    matrices = [name for name in w if ".feedback_alignment." in name]
    return found | {name: found[f"{name.replace('feedback_alignment.', '')}.weight"] for name in matrices}


def strict_predictive_coding(net: Network, w: Weights) -> Gradients:
    """Values go down the energy: the loss, and half the squared differences of values and predictions."""
    frozen = {name: v.detach() for name, v in w.items()}
    values = forwards(net, w)[1:-1]

    def energy(values: list[Tensor], w: Weights) -> Tensor:
        read = [net.batch[0], *values]
        made = [block(w, x) for block, x in zip(net.blocks.values(), read, strict=True)]
        return loss(made[-1], net.batch[1]) + sum((v - f).pow(2).sum() / 2 for v, f in zip(values, made, strict=False))

    for _ in range(6):
        at = [value.detach().requires_grad_() for value in values]
        down = torch.autograd.grad(energy(at, frozen), at)
        values = [value - 0.1 * slope for value, slope in zip(at, down, strict=True)]
    return slopes(energy([value.detach() for value in values], w), w)


def dual_propagation(net: Network, w: Weights) -> Gradients:
    """Two states of each tanh; every map between one tanh and the next is pulled through as it stands, pooling included."""
    maps: list[Block] = (
        [
            lambda w, x: linear("hidden2.linear", w, w["hidden1.embedding.weight"][x] + w["hidden1.position.weight"]),
            lambda w, s: linear("readout.linear", w, s),
        ]
        if net.positions
        else [
            lambda w, x: conv("hidden1.conv", w, x, padding=1),
            lambda w, s: conv("hidden2.conv", w, F.avg_pool2d(s, 2)),
            lambda w, s: linear("readout.linear", w, s.flatten(1)),
        ]
    )
    rows, beta = len(net.batch[0]), 0.1
    states = [net.batch[0]]
    for made in maps[:-1]:
        states.append(torch.tanh(made(w, states[-1])).detach())
    means = list(states)
    differences = [-beta * rows * output_error(net, maps[-1](w, states[-1]))]
    for at in reversed(range(1, len(maps))):
        below = states[at].clone().requires_grad_()
        (f,) = torch.autograd.grad(maps[at](w, below), below, differences[0])
        a = maps[at - 1](w, states[at - 1]).detach()
        plus, minus = torch.tanh(a + f / 2), torch.tanh(a - f / 2)
        differences.insert(0, plus - minus)
        means[at] = (plus + minus) / 2
    found = Gradients()
    for made, mean, difference in zip(maps, means, differences, strict=True):
        found |= slopes(made(w, mean), w, -difference / (beta * rows))
    return found


CASES: list[tuple[str, Network, str, Callable[[Network, Weights], Gradients]]] = [
    ("backprop of images", IMAGES, "backprop", backprop),
    ("backprop of a text", TEXT, "backprop", backprop),
    ("deep supervision of images", IMAGES, "deep_supervision", deep_supervision),
    ("deep supervision of a text", TEXT, "deep_supervision", deep_supervision),
    ("random features of images", IMAGES, "random_features", random_features),
    ("random features of a text", TEXT, "random_features", random_features),
    ("Mono-Forward of images", IMAGES, "mono_forward", mono_forward),
    ("Mono-Forward of a text", TEXT, "mono_forward(predict = sum)", mono_forward),
    ("direct feedback of images", IMAGES, "direct_feedback_alignment", direct_feedback_alignment),
    ("direct feedback of a text", TEXT, "direct_feedback_alignment", direct_feedback_alignment),
    ("feedback of images", IMAGES, "feedback_alignment", feedback_alignment),
    ("feedback of a text", TEXT, "feedback_alignment", feedback_alignment),
    ("predictive coding of images", IMAGES, "predictive_coding", backprop),
    ("predictive coding of a text", TEXT, "predictive_coding", backprop),
    ("dual propagation of images", IMAGES, "dual_propagation", dual_propagation),
    ("dual propagation of a text", TEXT, "dual_propagation", dual_propagation),
    ("learned feedback of images", IMAGES, "feedback_alignment(feedback = learned)", learned_feedback),
    ("learned feedback of a text", TEXT, "feedback_alignment(feedback = learned)", learned_feedback),
    ("strict coding of images", IMAGES, STRICT, strict_predictive_coding),
    ("strict coding of a text", TEXT, STRICT, strict_predictive_coding),
    ("Cascaded-Forward of images", IMAGES, "cascaded_forward", cascaded_forward),
    ("Forward-Forward of images", IMAGES, "forward_forward", forward_forward),
]


@pytest.mark.parametrize(("net", "rule", "reference"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_step(net: Network, rule: str, reference: Callable[[Network, Weights], Gradients]) -> None:
    x, y = (part.numpy() for part in net.batch)
    batches: Batches = [(x, y)]
    program = compiled(net.compiled_with(rule))
    ours = interpreted(program, batches, x)
    fixed = {added.name for added in program.plan.added if not added.trained}
    weights = {n: torch.tensor(value).requires_grad_(n not in fixed) for n, value in ours.before.items()}
    gradients = reference(net, weights)
    assert gradients
    for made in (ours, scripted(program, batches, x)):
        assert made.after.keys() == weights.keys()
        for name, value in ours.before.items():
            moved = RATE * gradients[name].numpy() if name in gradients else np.zeros(())
            assert_close(made.before[name], value, f"{name} before the step")
            assert_close(made.after[name], value - moved, name)
    assert_close(ours.scores, scripted(program, batches, x).scores, "scores")
