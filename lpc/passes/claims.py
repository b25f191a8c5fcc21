"""`claim`: what variants are said to share, read and checked; `lpc.laws.claims` tests it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import replace

from lpc.diagnostics import Diagnostic, Edit, Report, error, nearest, warning
from lpc.ir.program import Between, Claim
from lpc.passes.folding import Folder, unknown_name
from lpc.passes.scope import SOUND, Scope
from lpc.passes.values import describe, is_hole
from lpc.source import Span
from lpc.syntax import tree

BATCH = "batch"
"""What a range names besides lets: how many examples a step sees."""
SCALE = "scale"
ABOVE, WHOLE = "a number above 0", "a whole number from 1 on"
MOST_STEPS = 1000
"""Of a claim: a step takes the interpreter some milliseconds, and each is kept."""
STEPS = f"a whole number from 1 to {MOST_STEPS}"
"""What some parts of claims must be."""


def _claiming(claim: str) -> str:
    """A program with a let that is a number, a variant and a claim."""
    text = SOUND.replace("\n", "\nlet width = 64\n", 1).replace("linear(64)", "linear(width)")
    return f"{text}variant small {{ train batch = 32 }}\n{claim}\n"


def _worded(claim: str) -> str:
    """The same, its let being a word."""
    text = SOUND.replace("\n", "\nlet rates = cosine\n", 1)
    return f"{text}variant small {{ train schedule = rates }}\n{claim}\n"


@error("LP150")
class EmptyRange(Diagnostic):
    """`for width in 1..64` tries widths from 1 to 64, both included. A range whose end is below its beginning holds nothing, and
    a claim about nothing cannot be tested.
    """

    title = "there is no `{name}` in {first}..{last}"
    label = "ends below its beginning"
    help = "did you mean {last}..{first}?"
    bad = _claiming("claim base = small for width in 64..1")
    good = _claiming("claim base = small for width in 1..64")
    name: str
    first: str
    last: str


@error("LP151")
class ClaimValue(Diagnostic):
    """Tolerances and bounds are numbers, steps are counted from 1 and are 1000 at most, and a `let` goes to a number."""

    title = "{part} of a claim must be {expected}, found {found}"
    label = "not {expected}"
    bad = _claiming("claim base = small after 0 steps")
    good = _claiming("claim base = small after 5 steps")
    part: str
    expected: str
    found: str


@error("LP152")
class NumberNeeded(Diagnostic):
    """Only a `let` that is a number can run through a range or go to a limit: the numbers tried take the place of its value."""

    title = "`{name}` is no number, so it cannot {what}"
    label = "`{name}` is {found}"
    bad = _worded("claim base = small as rates -> 0")
    good = _worded("claim base = small")
    name: str
    what: str
    found: str


@error("LP153")
class UnknownEquality(Diagnostic):
    """`up to scale`: the two sides' steps may differ by one constant factor. Claims are up to nothing else."""

    title = "a claim holds up to `scale`, not up to `{name}`"
    label = "did you mean `{nearest}`?"
    bad = _claiming("claim base = small up to scales")
    good = _claiming("claim base = small up to scale")
    name: str
    nearest: str = ""


@error("LP154")
class RangeAndLimit(Diagnostic):
    """A `let` that goes to a limit has one value after the other, nearer and nearer; it cannot run through a range as well."""

    title = "`{name}` cannot both run through a range and go to a limit"
    label = "a range of what goes to a limit"
    bad = _claiming("claim base = small for width in 1..64 as width -> 32")
    good = _claiming("claim base = small for batch in 1..64 as width -> 32")
    name: str


@warning("LP913")
class ClaimOfItself(Diagnostic):
    """Both sides of a claim are one program. That it learns what it learns is true of any, and that it does not, of none."""

    title = "`{name}` is compared with itself"
    label = "{verdict}"
    bad = _claiming("claim small = small")
    good = _claiming("claim base = small")
    name: str
    verdict: str


def read_claims(file: tree.File, scope: Scope, folder: Folder, report: Report) -> tuple[Claim, ...]:
    """The claims of a program as parsed, their values folded; those with a mistake are reported and left out."""
    claims = (clause for clause in file.clauses if isinstance(clause, tree.Claim))
    return tuple(made for claim in claims if (made := _read(claim, scope, folder, report)) is not None)


def _read(claim: tree.Claim, scope: Scope, folder: Folder, report: Report) -> Claim | None:
    own = Report()
    if claim.left == claim.right:
        verdict = "true of any program" if claim.relation == "=" else "true of none"
        own.add(ClaimOfItself(span=claim.span, name=claim.left, verdict=verdict))
    within = None if claim.within is None else _number(claim.within, "the tolerance", folder, own, ABOVE)
    after = None if claim.after is None else _number(claim.after, "`after`", folder, own, STEPS)
    if claim.up_to not in (None, SCALE):
        near = nearest(str(claim.up_to), [SCALE])
        own.add(UnknownEquality(span=claim.span, name=str(claim.up_to), nearest=near))
    ranges = tuple(_ranges(claim.ranges, scope, folder, own))
    limit = _limit(claim, scope, folder, own)
    for one in claim.ranges:
        if limit is not None and one.name == limit[0]:
            own.add(RangeAndLimit(span=one.span, name=one.name))
    for diagnostic in own.diagnostics:
        report.add(diagnostic)
    if own.errors:
        return None
    steps = None if after is None else int(after)
    return Claim(
        claim.left, claim.relation, claim.right, within, steps, claim.up_to == SCALE, ranges, limit, claim.span
    )


def _ranges(ranges: Collection[tree.Range], scope: Scope, folder: Folder, report: Report) -> Iterator[Between]:
    for one in ranges:
        if one.name not in scope.lets and one.name != BATCH:
            report.add(_unknown(one, (*scope.lets, BATCH)))
            continue
        if not _is_numeric(one.name, one.span, "run through a range", scope, folder, report):
            continue
        kind = WHOLE if one.name not in scope.lets else "a number"
        first, last = (_number(end, f"a bound of `{one.name}`", folder, report, kind) for end in (one.first, one.last))
        if first is None or last is None:
            continue
        if last < first:
            report.add(EmptyRange(span=one.span, name=one.name, first=f"{first}", last=f"{last}"))
        else:
            yield Between(one.name, first, last)


def _limit(claim: tree.Claim, scope: Scope, folder: Folder, report: Report) -> tuple[str, int | float] | None:
    if claim.limit is None:
        return None
    name, written = claim.limit
    if name not in scope.lets:
        report.add(replace(unknown_name(claim.span, name, "`let`", tuple(scope.lets)), edit=None))
        return None
    if not _is_numeric(name, claim.span, "go to a limit", scope, folder, report):
        return None
    to = _number(written, "the limit", folder, report)
    return None if to is None else (name, to)


def _unknown(one: tree.Range, known: Collection[str]) -> Diagnostic:
    """Where a range names nothing; only its name is to be changed."""
    made = unknown_name(one.span, one.name, "`let`", tuple(known))
    edit = Edit(Span(one.span.start, one.span.start + len(one.name)), made.nearest) if made.nearest else None
    return replace(made, edit=edit)


def _is_numeric(name: str, span: Span, what: str, scope: Scope, folder: Folder, report: Report) -> bool:
    """Whether a let is a number; the batch size is one, and so is what an earlier mistake left open."""
    if name not in scope.lets:
        return True
    folder.spent = 0
    value = folder.let(name, span)
    if isinstance(value, tree.Number) or is_hole(value):
        return True
    report.add(NumberNeeded(span=span, name=name, what=what, found=describe(value)))
    return False


def _number(expr: tree.Expr, part: str, folder: Folder, report: Report, kind: str = "a number") -> int | float | None:
    """The number an expression is; of the kinds ABOVE, WHOLE and STEPS only such as fit."""
    folder.spent = 0
    value = folder.value(expr)
    if is_hole(value):
        return None
    if not isinstance(value, tree.Number):
        report.add(ClaimValue(span=expr.span, part=part, expected=kind, found=describe(value)))
        return None
    found = value.value
    most = {WHOLE: math.inf, STEPS: MOST_STEPS}
    fits = isinstance(found, int) and 1 <= found <= most[kind] if kind in most else kind != ABOVE or found > 0
    if not fits:
        report.add(ClaimValue(span=expr.span, part=part, expected=kind, found=str(found)))
        return None
    return found
