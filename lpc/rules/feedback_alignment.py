"""Feedback alignment: backpropagation whose backward pass uses other matrices in place of the transposed weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lpc.ir.network import Node
from lpc.ir.op import find_weight
from lpc.ir.step import Added
from lpc.rules.law import PERCEPTRON, Arrays, Learned, Networks, Trial, law, needs_perceptron
from lpc.rules.rule import Phase, Rule, parameter
from lpc.rules.run import Run, RunBlock
from lpc.rules.tracer import Recorder

LILLICRAP = "Lillicrap, Cownden, Tweed, Akerman 2016, Nature Communications 7"
KOLEN = "Kolen, Pollack 1994, Backpropagation without weight transport"


@law("transposed feedback = backprop", kind="exact", source=LILLICRAP)
def transposed(trial: Trial) -> None:
    """With feedback = transpose every update is backprop's."""
    trial.same(trial.learn("feedback_alignment(feedback = transpose)"), trial.learn("backprop"))


@law("the top block learns as by backprop", kind="exact", source=LILLICRAP)
def top_block(trial: Trial) -> None:
    """The output block's gradient is backprop's for any feedback, where it is one linear operation."""
    trial.needs(
        [o for o in trial.operations(trial.output) if o != "flatten"] == ["linear"],
        "the output block is no single linear",
    )
    trial.same(trial.learn("feedback_alignment", steps=1), trial.learn("backprop", steps=1), [trial.output])


@law("learned feedback keeps its distance", kind="invariance", when="feedback = learned, sgd", source=KOLEN)
def distance(trial: Trial) -> None:
    """A matrix and its weight make the same moves, so their difference stays, or shrinks by weight decay alone."""
    for decay in (0.0, 0.1):
        rule = f"feedback_alignment(feedback = learned, optimizer = sgd(lr = 0.2, weight_decay = {decay}))"
        found = trial.learn(rule)
        matrices = [name for name in found.before if ".feedback_alignment." in name]
        trial.needs(bool(matrices), "no error goes through a weight")
        for name in matrices:
            weight = f"{name.replace('.feedback_alignment.', '.')}.weight"
            kept = (1 - 0.2 * decay) ** len(found.states)
            distance = kept * (found.before[name] - found.before[weight])
            trial.equal(f"`{name}` - `{weight}`", found.after[name] - found.after[weight], distance)


@law(
    "one hidden block = direct feedback alignment", kind="exact", when="one hidden block, a linear readout",
    source="Nøkland 2016, arXiv 1609.01596", networks=Networks(ops=PERCEPTRON, blocks=1),
)  # fmt: skip
def one_hidden_block(trial: Trial) -> None:
    """The readout's stand-in carries the error to the block below as direct_feedback_alignment carries it with that matrix."""
    trial.needs(len(trial.hidden) == 1 and trial.is_chain, "there is not just one hidden block")
    (hidden,) = trial.hidden
    needs_perceptron(trial, [hidden])
    linears = [operation for operation in trial.operations(hidden) if operation == "linear"]
    trial.needs(
        [o for o in trial.operations(trial.output) if o != "flatten"] == ["linear"] and len(linears) == 1,
        "there is more than one weight above the lowest",
    )
    (matrix,) = _matrices(trial, 1).values()
    direct = trial.learn(
        "direct_feedback_alignment", start={f"{hidden}.direct_feedback_alignment.feedback": matrix}, steps=1
    )
    trial.same(trial.learn("feedback_alignment", steps=1), direct, trial.blocks)


@law(
    "a stand-in for every weight above", kind="exact", when="blocks that follow each other, of linear operations and activations",
    source=LILLICRAP, networks=Networks(ops=PERCEPTRON),
)  # fmt: skip
def every_weight_above(trial: Trial) -> None:
    """Twice the stand-ins, and the first move of a weight doubles for each linear operation above it: all but the lowest have one."""
    trial.needs(trial.is_chain, "the blocks do not follow each other one by one")
    needs_perceptron(trial, trial.blocks)
    linear = [name for block in trial.blocks for name in trial.weights(block) if name.endswith(".weight")]
    matrices = _matrices(trial, len(linear) - 1)
    if len(trial.blocks) > 1:
        first, *above = trial.blocks
        beside = trial.learn("feedback_alignment", others={first: "mono_forward"}, steps=0)
        kept = [name for name in linear if name.partition(".")[0] in above]
        trial.equal(
            "the number of stand-ins above a block of mono_forward", len(_stand_ins(beside)), max(0, len(kept) - 1)
        )
    once, twice = (
        trial.learn("feedback_alignment", start={name: times * value for name, value in matrices.items()}, steps=1)
        for times in (1, 2)
    )
    for height, name in enumerate(reversed(linear)):
        trial.equal(f"a part of the move of `{name}`", twice.moves[name] / float(2**height), once.moves[name])


@law(
    "stand-ins begin as weights do", kind="expectation", source=LILLICRAP,
    networks=Networks(ops=(*PERCEPTRON, "conv")),
)  # fmt: skip
def drawn(trial: Trial) -> None:
    """A matrix is drawn as its weight is: uniformly between ±1/√(numbers that each output is made of), and not with it."""
    for use in ("feedback_alignment", "feedback_alignment(feedback = learned)"):
        start = trial.learn(use, steps=0)
        matrices = _stand_ins(start)
        trial.needs(bool(matrices), "no error goes through a weight")
        trial.drawn(use, {name: (value.size / len(value)) ** -0.5 for name, value in matrices.items()})


@law("random feedback stays", kind="exact", source=LILLICRAP)
def stays(trial: Trial) -> None:
    """Random matrices do not move."""
    found = trial.learn("feedback_alignment")
    matrices = _matrices(trial)
    for name, value in matrices.items():
        trial.equal(f"`{name}`", found.after[name], value, within=0.0)


def _stand_ins(learned: Learned) -> Arrays:
    return {name: value for name, value in learned.before.items() if ".feedback_alignment." in name}


def _matrices(trial: Trial, expected: int | None = None) -> Arrays:
    start = trial.learn("feedback_alignment", steps=0)
    found = _stand_ins(start)
    if expected is not None:
        trial.equal("the number of stand-ins", len(found), max(0, expected))
    trial.needs(bool(found), "no error goes through a weight")
    return found


@dataclass(frozen=True)
class FeedbackAlignment(Rule):
    name = "feedback_alignment"
    title = "Feedback alignment"
    summary = (
        "The error goes down through matrices that are not the transposed weights; weights and matrices come to align."
    )
    paper = "Lillicrap, Cownden, Tweed, Akerman 2016, Random synaptic feedback weights support error backpropagation, Nat. Commun. 7"
    example = "learn all with feedback_alignment(feedback = transpose)"
    needs_error = True
    usual_rate = (1e-5, 1e-2)
    laws = (transposed, top_block, one_hidden_block, every_weight_above, drawn, stays, distance)

    feedback: str = parameter(
        "random",
        "in place of each weight: a fixed random matrix, the weight itself, or a matrix that starts random and makes its weight's moves",
        source=f"{LILLICRAP} (random); {KOLEN} (learned)",
        words=("random", "transpose", "learned"),
    )

    def departures(self, run: Run) -> Iterator[str]:
        if self.feedback == "learned":
            yield "a matrix comes nearer to its weight by weight decay alone: give the optimizer some (Kolen, Pollack 1994)"

    def matrices(self, run: Run, block: RunBlock) -> dict[str, Added]:
        """One matrix, drawn by the weight's own law, for each operation of the block through whose weight an error goes down."""
        found: dict[str, Added] = {}
        for node in run.linear_nodes(block) if self.feedback != "transpose" else ():
            if _error_goes_below(run, node):
                weight = find_weight(node.weights, "weight")
                summary = f"stands in for {node.name}.weight on the way down"
                trained = self.feedback == "learned"
                found[node.attribute] = run.added(
                    block, node.attribute, weight.shape, weight.law, summary, trained=trained
                )
        return found

    def adds(self, run: Run) -> Sequence[Added]:
        return [added for block in run for added in self.matrices(run, block).values()]

    def step(self, s: Recorder, run: Run, phase: Phase) -> None:
        h = s.forward(run)
        assert run.output is not None
        out = h[run.output.name]
        error = s.flow()
        error.add(out, s.grad(s.objective(out, of=run.output), out))
        for block in reversed(run):
            via = self.matrices(run, block)
            gradients, below = s.vjp(h[block.name], error[h[block.name]], via=via)
            moving = tuple((added.name, added.size) for added in via.values() if added.trained)
            s.update(replace(block.unit, parameters=block.unit.parameters + moving), gradients)
            error.give(h[block.name], below)


def _error_goes_below(run: Run, node: Node) -> bool:
    """Whether something below this operation, inside the run, has weights to train."""
    owners = {block.name for block in run}
    waiting, seen = list(node.inputs), set(node.inputs)
    while waiting:
        below = run.network.node(waiting.pop())
        if below.owner not in owners:
            continue
        if any(weight.trained for weight in below.weights):
            return True
        waiting += [name for name in below.inputs if name not in seen]
        seen.update(below.inputs)
    return False
