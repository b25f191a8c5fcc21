"""What a law is: a named, citable equality, and the short program over a trial that checks it.

A law stands in its rule's own file. Its check is a function of a `Trial`: one network with data and initial values, on which
it has things learn and says what must be equal. `lpc.laws` draws trials, or makes one of a user's program.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import cleandoc
from typing import Any, Literal, Protocol

Kind = Literal["exact", "asymptotic", "expectation", "invariance"]

KINDS: dict[Kind, str] = {
    "exact": "the same parameters after every step, in float64, to 1e-10 of the largest movement plus 1e-13, or to what moving every "
    "number in its last places explains",
    "asymptotic": "the difference vanishes with a parameter, by a stated order",
    "expectation": "equal on average over what is drawn at random",
    "invariance": "a change of what goes in changes nothing, or changes what comes out in one known way",
}

Array = Any
"""A numpy array; laws use its methods and operators only."""
Arrays = Mapping[str, Array]
Batch = Mapping[str, Array]
"""Data by name, a row an example."""


class Inapplicable(Exception):
    """A law says nothing of a network, and why. It never counts as passed."""


class Learned(Protocol):
    """What a use of a rule made of a trial's network."""

    @property
    def before(self) -> Arrays:
        """Every tensor before training, by state name, those the rule added included."""
        ...

    @property
    def states(self) -> Sequence[Arrays]:
        """The same after every step."""
        ...

    @property
    def times(self) -> Sequence[tuple[str, int]]:
        """The phase of every state, and the step in it, from 1."""
        ...

    @property
    def after(self) -> Arrays:
        """The same after the last step."""
        ...

    @property
    def moves(self) -> Arrays:
        """How far each tensor moved in all."""
        ...

    @property
    def losses(self) -> Sequence[Mapping[str, float]]:
        """The losses of each step, by block."""
        ...

    @property
    def class_scores(self) -> Sequence[Array | None]:
        """Of each step, on its own batch, where it has some: what accuracy in training is of."""
        ...

    @property
    def scores(self) -> Array:
        """Predictions on examples that were not trained on, in inference mode."""
        ...


class Trial(Protocol):
    """One network, with data and initial values: what a law is tried on.

    Tensors are equal when they differ by at most 1e-10 of their largest movement plus 1e-13, or by what moving every number
    in its last places explains.
    """

    @property
    def blocks(self) -> Sequence[str]:
        """Names of the blocks, in the order in which they are evaluated."""
        ...

    @property
    def hidden(self) -> Sequence[str]:
        """All but the block that the objective scores."""
        ...

    @property
    def output(self) -> str:
        """The block that the objective scores."""
        ...

    @property
    def is_chain(self) -> bool:
        """Whether each block reads just the one before it, and the first one data."""
        ...

    @property
    def batches(self) -> Sequence[Batch]:
        """What is trained on, a batch a step; all but the last have as many examples."""
        ...

    @property
    def unseen(self) -> Batch:
        """A batch that is only predicted on."""
        ...

    @property
    def target(self) -> str:
        """The name of the objective's target among the data; empty where it is computed from them, or is an input too."""
        ...

    @property
    def classes(self) -> int:
        """How many classes the target has; 0 where it is no label."""
        ...

    @property
    def loss(self) -> str:
        """The objective's loss, by its name in the language."""
        ...

    def inputs(self, block: str) -> Sequence[str]:
        """What a block reads: data and blocks."""
        ...

    def operations(self, block: str) -> Sequence[str]:
        """The kinds of a block's operations, in order."""
        ...

    def weights(self, block: str) -> Sequence[str]:
        """State names of a block's trained tensors."""
        ...

    def outputs(self, block: str, learned: Learned, batch: Batch) -> Array:
        """What a block gives on a batch once training is over, in inference mode.

        A batch may hold, beside data, what other blocks give: those are not evaluated then.
        """
        ...

    def pull(self, block: str, learned: Learned, batch: Batch, cotangent: Array) -> tuple[Arrays, Arrays]:
        """A cotangent at a block's output pulled through the block, in inference mode; a batch as `outputs` takes it.

        Gradients of its trained tensors, by state name, and cotangents of what the block reads, by name.
        """
        ...

    def loss_of(self, scores: Array, batch: Batch, loss: str = "") -> float:
        """The objective of some scores, an entry for each of the target's, and a batch's target; or another loss of the language."""
        ...

    def error_of(self, scores: Array, batch: Batch, loss: str = "") -> Array:
        """The gradient of the objective, or of another loss, with respect to the scores, in their shape."""
        ...

    def one_hot(self, labels: Array) -> Array:
        """Labels as rows of zeros and a one."""
        ...

    def needs(self, holds: bool, otherwise: str) -> None:
        """Raises Inapplicable with a reason where a condition does not hold."""
        ...

    def learn(
        self,
        use: str,
        *,
        start: Arrays | None = None,
        batches: Sequence[Batch] | None = None,
        steps: int | None = None,
        rate: float = 0.1,
        joined: bool = False,
        others: Mapping[str, str] | None = None,
    ) -> Learned:
        """Train every block by a use of a rule, as a `learn` line writes it, by plain SGD.

        start: initial values that differ from the drawn ones. batches: other data. steps: how many at most. joined: as one
        block, its tensors under the names they have in the parts. others: blocks that learn by another use.
        Raises Inapplicable where the rules cannot train the network.
        """
        ...

    def same(self, made: Learned, expected: Learned, blocks: Collection[str] | None = None) -> None:
        """Both hold the same after every step: all tensors they share, or those of some blocks."""
        ...

    def equal(self, what: str, made: Array, expected: Array, within: float = 1e-10) -> None:
        """Two arrays are the same, to a part of the second one's largest entry, plus 1e-13."""
        ...

    def tends(self, family: Callable[[float], Learned], limit: Learned, order: float) -> None:
        """The family's difference from a limit shrinks like t**order as t goes from 1e-1 to 1e-3."""
        ...

    def descends(self, use: str, losses: Mapping[str, str | Mapping[str, float]]) -> None:
        """Each block's first update is against the gradient of a block's loss, seen by central differences.

        losses: by the block that learns, the block whose logged loss it reduces, or several with what each is multiplied by.
        """
        ...

    def drawn(self, use: str, bounds: Mapping[str, float]) -> None:
        """Tensors that a rule adds are drawn uniformly between a bound and its negative. False alarms: once in 10**13 networks."""
        ...

    def uniform(self, what: str, counts: Sequence[int], outcomes: int) -> None:
        """Counts are those of so many equally likely outcomes. False alarms: once in 10**9 networks."""
        ...


Check = Callable[[Trial], None]


@dataclass(frozen=True)
class Networks:
    """What networks a law is tried on when they are drawn: arguments of `lpc.laws.networks`."""

    ops: tuple[str, ...] | None = None
    blocks: int = 3
    labelled: bool = False
    positions: bool = False


@dataclass(frozen=True)
class Stated:
    """An equality: a citable name, the statement, its kind, when it holds, and where it is from."""

    name: str
    statement: str
    kind: Kind
    conditions: str
    source: str


@dataclass(frozen=True)
class Law(Stated):
    """An equality that one rule obeys, and its check."""

    check: Check = field(compare=False, repr=False)
    networks: Networks = Networks()


SMOOTH = ("linear", "tanh", "sigmoid", "gelu", "silu", "layer_norm", "add", "mul")
"""Operations whose output has every derivative, and that do not look at the batch."""
PERCEPTRON = ("linear", "relu", "tanh", "sigmoid")
ROWWISE = frozenset({*PERCEPTRON, "leaky_relu", "gelu", "silu", "flatten", "identity", "scale"})
"""Operations of which a pipeline is linear layers and what acts on each unit by itself."""
KINKED = frozenset({"relu", "leaky_relu", "max_pool", "opaque"})
"""Operations without a derivative somewhere, or of which nobody knows."""


def operations_of(trial: Trial, blocks: Collection[str]) -> set[str]:
    return {operation for block in blocks for operation in trial.operations(block)}


def computes_alike(trial: Trial, blocks: Collection[str]) -> bool:
    """Whether blocks compute in training what they compute in inference."""
    return not operations_of(trial, blocks) & {"dropout", "batch_norm"}


def needs_differentiable(trial: Trial) -> None:
    """Raises Inapplicable where the network has no derivative somewhere, so that differences may say another one."""
    kinked = operations_of(trial, trial.blocks) & KINKED
    trial.needs(not kinked, f"without a derivative somewhere: {', '.join(sorted(kinked))}")


def needs_perceptron(trial: Trial, blocks: Collection[str]) -> None:
    """Raises Inapplicable where blocks are more than linear operations and activations, one after the other."""
    more = operations_of(trial, blocks) - ROWWISE
    trial.needs(not more, f"blocks are more than linear operations and activations: {', '.join(sorted(more))}")


def needs_plain(trial: Trial) -> None:
    """Raises Inapplicable where a block computes otherwise in training than in inference, or has no derivative."""
    trial.needs(computes_alike(trial, trial.blocks), "a block computes otherwise in training than in inference")
    trial.needs("opaque" not in operations_of(trial, trial.blocks), "a black box has no derivative")


def gathers_statistics(trial: Trial, use: str) -> None:
    """A rule whose hidden blocks are frozen gathers batch-norm statistics in one pass of its own before it trains, in which no weight
    moves, and keeps them. They are those that the same blocks gather in training when no weight moves.
    """
    coupled = [block for block in trial.hidden if "batch_norm" in trial.operations(block)]
    trial.needs(bool(coupled), "no hidden block has batch-norm statistics")
    found, still = trial.learn(use), trial.learn("backprop", rate=1e-40)
    steps = len(trial.batches)
    trial.equal("how many steps gather", [phase for phase, _ in found.times].count("statistics"), steps)
    gathered = found.states[steps - 1]
    trained = {name for block in trial.blocks for name in trial.weights(block)}
    for name, value in found.before.items():
        if name in trained or name not in still.before:
            trial.equal(f"`{name}` after that pass", gathered[name], value, within=0.0)
        elif name.partition(".")[0] in coupled:
            trial.equal(f"`{name}` after that pass", gathered[name], still.after[name])
            trial.equal(f"`{name}` in the end", found.after[name], gathered[name], within=0.0)


def added(learned: Learned, name: str) -> Arrays:
    """The tensors that a rule added under some name, `RULE.NAME`, as they were before training, by their block."""
    return {key.partition(".")[0]: value for key, value in learned.before.items() if key.endswith(f".{name}")}


def law(
    name: str, *, kind: Kind, when: str = "any network", source: str, networks: Networks = Networks()
) -> Callable[[Check], Law]:
    """Makes a law of its check, whose docstring is the statement."""

    def made(check: Check) -> Law:
        assert check.__doc__, f"the law `{name}` says nothing: its statement is the docstring of its check"
        return Law(name, " ".join(cleandoc(check.__doc__).split()), kind, when, source, check, networks)

    return made
