"""The laws of every program, whatever its rules, its optimizers and its schedule. Passes that change a step rest on them.

Their checks are in `lpc.laws.general`: they run scripts and the interpreter in float64, and so load torch. `lpc verify` tries
them on a user's program, `lpc.laws.check_rule` on random ones.
"""

from __future__ import annotations

from lpc.rules.law import Stated

COMPILES = Stated(
    "what is accepted compiles",
    "A program that the checks accept has a step, and a script in both schedules.",
    "exact", "any program", "lpc",
)  # fmt: skip
TRANSLATION = Stated(
    "script = interpreter",
    "The generated script, in either schedule, holds what the reference interpreter holds after every step, and predicts the same.",
    "exact", "up to what rounding explains", "translation validation: Pnueli, Siegel, Singerman 1998, TACAS",
)  # fmt: skip
AGAIN = Stated(
    "the same again",
    "Compiling a program twice gives the same bytes; training it twice from one seed gives the same bits.",
    "exact", "one machine", "nothing is drawn but by name, seed and step",
)  # fmt: skip
STILL = Stated(
    "rate 0 changes nothing",
    "With every learning rate times 0 nothing moves but what a rule writes itself and batch-norm statistics.",
    "exact", "any program", "the optimizers' equations",
)  # fmt: skip
ROWS = Stated(
    "the order of a batch does not matter",
    "Permuting the examples of every batch changes no step.",
    "invariance", "nothing is drawn for single rows", "losses are means over the batch",
)  # fmt: skip
STAGES = Stated(
    "stages change nothing",
    "A program cut into two stages learns as it does in one.",
    "exact", "two blocks or more", "lpc",
)  # fmt: skip
SCHEDULES = Stated(
    "at once = summed",
    "Backward calls and optimizer steps as soon as they can be made, and one of each at the end, are the same step: blocks that no "
    "gradient joins do not see each other, and a sum of losses has the sum of their gradients.",
    "exact", "schedules that differ", "linearity of the gradient",
)  # fmt: skip
ROLLED = Stated(
    "a rolled chain = the chain written out",
    "A script with a loop over the blocks of a chain holds the same bits as the script with every block written out.",
    "exact", "a chain that is printed as a loop", "lpc",
)  # fmt: skip
TURNS = Stated(
    "a turn = the step with other updates left out",
    "Under `order = simultaneous` a phase is one turn. Under `order = sequential` every block that learns alone has a turn, and so has "
    "every run that shares an error, in the order of the runs; a turn moves its own blocks as the whole step would, were no other "
    "block to move.",
    "exact", "two learners or more; frozen blocks in inference mode", "updates take effect at the end of a step",
)  # fmt: skip
FROZEN = Stated(
    "frozen blocks give the same in every pass",
    "What a turn does not train gives the same outputs for the same examples before and after it.",
    "exact", "a turn with a frozen prefix", "nothing in it moves, and nothing is drawn",
)  # fmt: skip
DEAD = Stated(
    "a value nobody reads changes nothing",
    "Forwards, gradients and draws beside a step, whose values nobody reads, change no bit of it, and dead-code removal takes them "
    "out again.",
    "exact", "any program", "values have no effects but those named in the step",
)  # fmt: skip
LOCALITY = Stated(
    "blocks see what they may",
    "Where a rule says that it is local, a block's update does not depend on the parameters of any block that is not upstream of it.",
    "invariance", "a local rule, two blocks or more", "what `local` means",
)  # fmt: skip
GRADIENTS = Stated(
    "gradients stay where the step says",
    "The script differentiates across an input of a block only where the step reads the cotangent of that input.",
    "exact", "an input whose cotangent nobody reads", "a value fed to no vjp is not differentiated",
)  # fmt: skip
BOXES = Stated(
    "black boxes are not differentiated",
    "A rule that accepts an operation without derivative trains the program without ever asking for one.",
    "exact", "an operation without derivative", "lpc",
)  # fmt: skip
DESCENT = Stated(
    "a block descends the loss it logs",
    "Where an update comes from a logged loss through exact gradients alone, it is against the gradient of that loss.",
    "exact", "no weight is replaced on the way (via); no kink where it is tried; plain gradient steps",
    "central differences",
)  # fmt: skip
COSTS = Stated(
    "costs are what is counted",
    "The floating-point operations of products that the cost model reads off a step are those that torch counts in the script.",
    "exact", "operations whose products are all linear maps or convolutions", "torch.utils.flop_counter",
)  # fmt: skip

GENERAL_LAWS: tuple[Stated, ...] = (
    COMPILES, TRANSLATION, AGAIN, STILL, ROWS, STAGES, SCHEDULES, ROLLED, TURNS, FROZEN, DEAD, LOCALITY, GRADIENTS, BOXES,
    DESCENT, COSTS,
)  # fmt: skip
"""In reading order."""
