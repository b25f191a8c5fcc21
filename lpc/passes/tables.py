"""What the `train`, `measure` and `place` clauses take."""

from __future__ import annotations

from collections.abc import Mapping

from lpc.ir.grid import INTENSITIES, YEAR
from lpc.ir.op import REQUIRED
from lpc.passes.signatures import Parameter, Signature

LARGEST = 2**53
"""Counts and sizes stay whole numbers in a float."""


def _rate(default: object) -> Parameter:
    return Parameter("lr", "float", default, above=0, summary="learning rate")


def _share(name: str, default: float, summary: str) -> Parameter:
    return Parameter(name, "float", default, least=0, below=1, summary=summary)


def _decay(default: float) -> Parameter:
    return Parameter("weight_decay", "float", default, least=0, summary="decay of the weights")


_EPSILON = Parameter("epsilon", "float", 1e-8, above=0, summary="added to the root of the second moment")
_MOMENTS = (
    _share("beta1", 0.9, "decay of the first moment"),
    _share("beta2", 0.999, "decay of the second moment"),
    _EPSILON,
)

OPTIMIZERS: Mapping[str, Signature] = {
    name: Signature(name, "optimizer", parameters)
    for name, parameters in {
        "sgd": (
            _rate(REQUIRED),
            _share("momentum", 0.0, "share of the last step that is kept"),
            _decay(0.0),
            Parameter("nesterov", "bool", False, summary="look ahead along the momentum"),
        ),
        "adam": (_rate(1e-3), *_MOMENTS, _decay(0.0)),
        "adamw": (_rate(1e-3), *_MOMENTS, _decay(0.01)),
        "rmsprop": (
            _rate(1e-2),
            _share("alpha", 0.99, "decay of the second moment"),
            _EPSILON,
            _share("momentum", 0.0, "share of the last step that is kept"),
            _decay(0.0),
        ),
    }.items()
}
"""torch's defaults, but for the rate of Adam that `language.md` gives too."""

SCHEDULES: Mapping[str, Signature] = {
    name: Signature(name, "schedule", parameters)
    for name, parameters in {
        "constant": (),
        "linear": (),
        "cosine": (),
        "step": (
            Parameter("every", "int", 30, least=1, most=LARGEST, summary="epochs (or steps) between two falls"),
            Parameter("factor", "float", 0.1, above=0, most=1, summary="what the rate is multiplied by"),
        ),
    }.items()
}

TRAIN = Signature(
    "train",
    "clause",
    (
        Parameter("epochs", "int", None, least=1, most=LARGEST, summary="passes over the training part"),
        Parameter("steps", "int", None, least=1, most=LARGEST, summary="steps in all, in place of epochs"),
        Parameter("batch", "int", None, ("all",), least=1, most=LARGEST, summary="examples a step, or `all`"),
        Parameter("optimizer", "call", "adam", tuple(OPTIMIZERS), summary="how gradients become steps"),
        Parameter("schedule", "call", "constant", tuple(SCHEDULES), summary="how the rate moves over training"),
        Parameter("warmup", "int", 0, least=0, most=LARGEST, summary="epochs (or steps) over which the rate rises"),
        Parameter("precision", "word", "f32", ("f32", "f64", "bf16"), summary="numbers that are computed with"),
        Parameter(
            "patience", "int", None, least=1, most=LARGEST, summary="epochs without improvement before training ends"
        ),
        Parameter(
            "order", "word", "simultaneous", ("simultaneous", "sequential"), summary="blocks together, or in turn"
        ),
        Parameter("seed", "int", 1, least=0, below=2**63, summary="what everything random follows from"),
    ),
)

EITHER = frozenset({"epochs", "steps"})
"""Options of which a program has one: what a variant or `--set` gives takes the place of the other."""

ESTIMATES: Mapping[str, Signature] = {
    "flops": Signature(
        "flops",
        "estimate",
        (
            Parameter("pj_per_flop", "float", above=0, summary="picojoules for each modelled operation of training"),
            Parameter("idle", "watts", least=0, summary="what the device draws at all times"),
        ),
    ),
}

MEASURES: Mapping[str, Signature] = {
    name: Signature(name, "measure", parameters)
    for name, parameters in {
        "energy": (
            Parameter(
                "estimate",
                "call",
                None,
                tuple(ESTIMATES),
                summary="a model, told beside what is measured, never instead",
            ),
        ),
        "memory": (),
        "flops": (),
        "carbon": (
            Parameter("intensity", "float", None, least=0, summary="of the electricity, in g CO₂ a kWh"),
            Parameter("pue", "float", None, least=1, summary="what a data centre draws for each watt of its machines"),
            Parameter(
                "country",
                "word",
                None,
                tuple(INTENSITIES),
                summary=f"the intensity of a country's electricity in {YEAR}",
            ),
        ),
    }.items()
}

PLACE = Signature(
    "place",
    "clause",
    (
        Parameter("stages", "int", 1, least=1, most=LARGEST, summary="parts that the blocks are cut into"),
        Parameter("balance", "word", "time", ("flops", "time", "memory"), summary="what the parts share evenly"),
    ),
)


def value_call(name: str) -> Signature | None:
    """The signature of a call that is a value: an optimizer, a schedule, an estimate."""
    return OPTIMIZERS.get(name) or SCHEDULES.get(name) or ESTIMATES.get(name)
