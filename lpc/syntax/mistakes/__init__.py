"""What to say when the parser stops: a sentence for each of the commonest mistakes, else what was expected there.

A recogniser looks at a `Failure` and gives a diagnostic or None; `explain` asks them in order. What each says is shown
by its class's `bad` program, which is a test.
"""

from __future__ import annotations

from collections.abc import Callable

from lpc.diagnostics import Diagnostic
from lpc.syntax.mistakes import brackets, characters, clauses, numbers
from lpc.syntax.mistakes.failure import Failure
from lpc.syntax.mistakes.unexpected import unexpected

RECOGNISERS: tuple[Callable[[Failure], Diagnostic | None], ...] = (
    characters.unclosed_string,
    characters.wrong_quotes,
    numbers.bare_point,
    numbers.spaced_unit,
    characters.foreign_comment,
    brackets.wrong_equals,
    brackets.unmatched_bracket,
    clauses.claim_order,
    numbers.name_begins_with_digit,
    brackets.no_operation,
    brackets.unclosed_bracket,
    brackets.missing_comma,
    clauses.unknown_clause,
    characters.strange_character,
)


def explain(failure: Failure) -> Diagnostic:
    """The diagnostic for a place at which the parser stopped."""
    for recogniser in RECOGNISERS:
        if (diagnostic := recogniser(failure)) is not None:
            return diagnostic
    return unexpected(failure)
