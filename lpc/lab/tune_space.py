"""What is searched: each `search(...)` of a program as a dimension of Optuna's, and values as the language writes them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial

from lpc.ir.program import Search
from lpc.syntax.printer import number_text

PLACES = 3
"""A value of a range is rounded to so many decimal places below the range's (or with `log` its own) leading digit."""

Values = Mapping[str, str]
"""Place to value, as `--set` takes them."""


def distribution(search: Search) -> BaseDistribution:
    """Choices are told apart by their text."""
    if search.choices is not None:
        return CategoricalDistribution(tuple(dict.fromkeys(search.texts)))
    assert search.low is not None and search.high is not None
    if search.integer:
        return IntDistribution(int(search.low), int(search.high), log=search.log)
    return FloatDistribution(search.low, search.high, log=search.log)


def suggest(trial: Trial, searches: Sequence[Search]) -> Values:
    """A value for each search, drawn by the study's sampler."""
    return {search.place: written(search, _suggested(trial, search)) for search in searches}


def _suggested(trial: Trial, search: Search) -> str | float:
    match distribution(search):
        case CategoricalDistribution(choices=choices):
            return str(trial.suggest_categorical(search.place, choices))
        case IntDistribution(low=low, high=high, log=log):
            return trial.suggest_int(search.place, low, high, log=log)
        case FloatDistribution(low=low, high=high, log=log):
            return trial.suggest_float(search.place, low, high, log=log)
    raise AssertionError(search)


def written(search: Search, value: str | float) -> str:
    """A value as it is compiled, and later written into the program: 0.003728, not seventeen digits of it."""
    if isinstance(value, str):
        return value
    if search.integer:
        return number_text(int(value))
    assert search.low is not None and search.high is not None
    scale = min(search.high - search.low, abs(value)) if search.log else search.high - search.low
    rounded = round(value, PLACES - math.floor(math.log10(scale)))
    return number_text(float(min(max(rounded, search.low), search.high)))
