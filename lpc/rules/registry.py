"""The rules there are: our own, loaded on demand, and those of other packages (entry points `lpc.rules`)."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from lpc.plugins import PluginError
from lpc.rules.rule import Rule

BUILT_IN: dict[str, str] = {
    "backprop": "lpc.rules.backprop:Backprop",
    "forward_forward": "lpc.rules.forward_forward:ForwardForward",
    "cascaded_forward": "lpc.rules.cascaded_forward:CascadedForward",
    "mono_forward": "lpc.rules.mono_forward:MonoForward",
    "feedback_alignment": "lpc.rules.feedback_alignment:FeedbackAlignment",
    "direct_feedback_alignment": "lpc.rules.direct_feedback_alignment:DirectFeedbackAlignment",
    "predictive_coding": "lpc.rules.predictive_coding:PredictiveCoding",
}

PLANNED: tuple[str, ...] = (
    "layer_collaboration", "scalable_forward_forward", "noprop", "physical_forward", "forward_graph", "sign_symmetric",
    "direct_random_target_projection", "product_feedback_alignment", "pepita", "foton", "counter_current",
    "dual_propagation", "equilibrium_propagation", "forward_gradient", "likelihood_ratio", "zeroth_order",
    "particle_swarm", "local_loss", "infopro", "feature_reconstruction", "soft_hebbian", "highway_backprop",
    "synthetic_gradient", "hedge_backprop", "stationary_feedback",
)  # fmt: skip
"""Rules of the language that this version does not have yet: they get a diagnostic of their own."""


class RegistryError(PluginError):
    """Two packages give one name, or a package's entry does not load."""


@cache
def _foreign() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group="lpc.rules"), key=lambda e: (e.name, e.value)):
        if entry.name in BUILT_IN or (entry.name in found and found[entry.name].value != entry.value):
            other = "lpc" if entry.name in BUILT_IN else found[entry.name].value
            raise RegistryError(f"the rule `{entry.name}` is given by both {other} and {entry.value}")
        found[entry.name] = entry
    return found


def names() -> list[str]:
    """Every rule that can be used, in reading order: ours, then foreign ones by name."""
    return [*BUILT_IN, *_foreign()]


def known() -> list[str]:
    """Every rule of the language, those not there yet included."""
    return [*names(), *(name for name in PLANNED if name not in _foreign())]


@cache
def find(name: str) -> type[Rule]:
    """The rule's class; KeyError for a name that `names()` does not hold."""
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        found = getattr(import_module(module), attribute)
    else:
        entry = _foreign()[name]
        try:
            found = entry.load()
        except Exception as problem:  # a package of somebody else's may fail in any way
            raise RegistryError(f"the rule `{name}` of {entry.value} cannot be loaded: {problem}") from problem
    if not (isinstance(found, type) and issubclass(found, Rule)):
        raise RegistryError(f"the entry `{name}` is no rule")
    return found
