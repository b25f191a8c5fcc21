"""digits.lp under Mono-Forward as the generator would print it, on top of the runtime: what the tests here train.

The program-specific part only; `python -m` runs it with the runtime imported, `lpc.codegen.inline` makes it stand alone.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lpc.runtime.added import Added
from lpc.runtime.clock import Stopwatch
from lpc.runtime.data import Binding, Splits, split
from lpc.runtime.digits import load_digits
from lpc.runtime.main import main
from lpc.runtime.options import Options
from lpc.runtime.results import peak_memory
from lpc.runtime.task import Phase, Task

SOURCE = """\
network digits
data image, label = digits(validation = 20%)
block hidden1 = image -> flatten -> linear(64) -> relu
block hidden2 = hidden1 -> linear(32) -> relu
block readout = hidden2 -> linear(10)
objective cross_entropy(readout, label)
learn all with mono_forward
train epochs = 3, batch = 64, optimizer = adam(lr = 1e-3), seed = 1
measure memory, flops
"""


class Hidden1(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 64)

    def forward(self, image: Tensor) -> Tensor:
        return F.relu(self.linear(image.flatten(1)))


class Hidden2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 32)

    def forward(self, hidden1: Tensor) -> Tensor:
        return F.relu(self.linear(hidden1))


class Readout(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(32, 10)

    def forward(self, hidden2: Tensor) -> Tensor:
        scores: Tensor = self.linear(hidden2)
        return scores


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden1 = Hidden1()
        self.hidden2 = Hidden2()
        self.readout = Readout()

    def forward(self, image: Tensor) -> Tensor:
        scores: Tensor = self.readout(self.hidden2(self.hidden1(image)))
        return scores


def add_learning_parameters(net: Any) -> None:
    net.hidden1.mono_forward = Added("hidden1.mono_forward").trained("projection", (10, 64), 64**-0.5)
    net.hidden2.mono_forward = Added("hidden2.mono_forward").trained("projection", (10, 32), 32**-0.5)


def make_optimizers(net: Any) -> dict[str, torch.optim.Optimizer]:
    return {"adam": torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)}


def train_step(
    net: Any, optimizers: dict[str, torch.optim.Optimizer], image: Tensor, label: Tensor, step: int
) -> tuple[Tensor, Tensor]:
    hidden1 = net.hidden1(image)
    loss1 = F.cross_entropy(F.linear(hidden1, net.hidden1.mono_forward.projection), label)
    hidden2 = net.hidden2(hidden1.detach())
    loss2 = F.cross_entropy(F.linear(hidden2, net.hidden2.mono_forward.projection), label)
    readout = net.readout(hidden2.detach())
    loss3 = F.cross_entropy(readout, label)
    (loss1 + loss2 + loss3).backward()
    optimizers["adam"].step()
    optimizers["adam"].zero_grad()
    return torch.stack((loss1, loss2, loss3)).detach(), readout.detach()


def score(net: Any, image: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    scores = net(image)
    return F.cross_entropy(scores, label), (scores.argmax(-1) == label).sum()


def load_data(options: Options) -> Splits:
    return split(load_digits(options), validation=0.2)


TASK = Task(
    program="digits",
    variant=None,
    source=SOURCE,
    source_sha256="0" * 64,
    settings={},
    lpc="0.1.0",
    seed=1,
    data=(Binding("image", (1, 8, 8)), Binding("label", classes=10)),
    label=1,
    output="readout",
    rules={"hidden1": "mono_forward", "hidden2": "mono_forward", "readout": "mono_forward"},
    places={"hidden1": "digits.lp:3", "hidden2": "digits.lp:4", "readout": "digits.lp:5"},
    epochs=3,
    steps=None,
    batch=64,
    network=Network,
    learning=add_learning_parameters,
    load=load_data,
    score=score,
    phases=(Phase("train", ("hidden1", "hidden2", "readout"), train_step, make_optimizers, flops=40_000),),
    meter=Stopwatch,
    memory=peak_memory,
)

if __name__ == "__main__":
    sys.exit(main(TASK))
