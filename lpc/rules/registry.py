"""The rules there are: our own, loaded on demand, and those of other packages (entry points `lpc.rules`)."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from lpc.plugins import entries, loaded, unfit
from lpc.rules.rule import Rule

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

BUILT_IN: dict[str, str] = {
    "backprop": "lpc.rules.backprop:Backprop",
    "forward_forward": "lpc.rules.forward_forward:ForwardForward",
    "cascaded_forward": "lpc.rules.cascaded_forward:CascadedForward",
    "mono_forward": "lpc.rules.mono_forward:MonoForward",
    "feedback_alignment": "lpc.rules.feedback_alignment:FeedbackAlignment",
    "direct_feedback_alignment": "lpc.rules.direct_feedback_alignment:DirectFeedbackAlignment",
    "predictive_coding": "lpc.rules.predictive_coding:PredictiveCoding",
    "dual_propagation": "lpc.rules.dual_propagation:DualPropagation",
    "deep_supervision": "lpc.rules.deep_supervision:DeepSupervision",
    "random_features": "lpc.rules.random_features:RandomFeatures",
}

PLANNED: tuple[str, ...] = (
    "layer_collaboration", "scalable_forward_forward", "noprop", "physical_forward", "forward_graph", "sign_symmetric",
    "direct_random_target_projection", "product_feedback_alignment", "pepita", "foton", "counter_current",
    "equilibrium_propagation", "forward_gradient", "likelihood_ratio", "zeroth_order",
    "particle_swarm", "local_loss", "infopro", "feature_reconstruction", "soft_hebbian", "highway_backprop",
    "synthetic_gradient", "hedge_backprop", "stationary_feedback",
)  # fmt: skip
"""Rules of the language that this version does not have yet: they get a diagnostic of their own."""


@cache
def _foreign() -> dict[str, EntryPoint]:
    return entries("lpc.rules", "rule", BUILT_IN)


def names() -> list[str]:
    """Every rule that can be used, in reading order: ours, then foreign ones by name, then those on offer."""
    return list(dict.fromkeys([*BUILT_IN, *_foreign(), *_on_offer.get()]))


def known() -> list[str]:
    """Every rule of the language, those not there yet included."""
    return list(dict.fromkeys([*names(), *PLANNED]))


def general() -> tuple[str, ...]:
    """What `auto` chooses from where a program does not say: of our own, so that a program means the same everywhere."""
    return tuple(name for name in BUILT_IN if find(name).general)


_on_offer: ContextVar[Mapping[str, type[Rule]]] = ContextVar("rules on offer", default={})  # noqa: B039 - never changed


@contextmanager
def offered(*rules: type[Rule]) -> Generator[None]:
    """While it lasts, these classes are rules too; one with the name of another stands in its place."""
    token = _on_offer.set({**_on_offer.get(), **{rule.name: rule for rule in rules}})
    try:
        yield
    finally:
        _on_offer.reset(token)


def find(name: str) -> type[Rule]:
    """The rule's class; KeyError for a name that `names()` does not hold, PluginError where another package's fails."""
    return _on_offer.get().get(name) or _found(name)


@cache
def _found(name: str) -> type[Rule]:
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        own: type[Rule] = getattr(import_module(module), attribute)
        return own
    entry = _foreign()[name]
    found = loaded(entry, "rule")
    if not (isinstance(found, type) and issubclass(found, Rule) and found.name == name):
        raise unfit(entry, "rule")
    return found
