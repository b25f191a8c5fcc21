"""The words of the language, and what people call each terminal of the grammar."""

from __future__ import annotations

from collections.abc import Collection

KEYWORDS = (
    "network",
    "let",
    "def",
    "data",
    "block",
    "objective",
    "learn",
    "place",
    "train",
    "measure",
    "variant",
    "claim",
)
"""Each begins a clause, and is reserved everywhere: that is what lets recovery cut a broken file into clauses."""

VARIANT_KEYWORDS = ("learn", "place", "train", "measure", "let")
"""What a variant may hold."""

SELECTOR_WORDS = ("all", "rest", "base")
"""Words that cannot name a block or a variant, because selectors and claims give them a meaning."""

UNITS: dict[str, tuple[str, float]] = {
    "%": ("fraction", 0.01),
    "B": ("bytes", 1.0),
    "KB": ("bytes", 1e3),
    "MB": ("bytes", 1e6),
    "GB": ("bytes", 1e9),
    "TB": ("bytes", 1e12),
    "KiB": ("bytes", 2.0**10),
    "MiB": ("bytes", 2.0**20),
    "GiB": ("bytes", 2.0**30),
    "TiB": ("bytes", 2.0**40),
    "mW": ("watts", 1e-3),
    "W": ("watts", 1.0),
    "kW": ("watts", 1e3),
    "us": ("seconds", 1e-6),
    "ms": ("seconds", 1e-3),
    "s": ("seconds", 1.0),
    "min": ("seconds", 60.0),
    "h": ("seconds", 3600.0),
    "J": ("joules", 1.0),
    "kJ": ("joules", 1e3),
    "Wh": ("joules", 3600.0),
    "kWh": ("joules", 3.6e6),
}
"""Each unit: what it measures, and how many of that dimension's base unit it is."""

_EXPRESSION = {"NUMBER", "QUANTITY", "STRING", "NAME", "LSQB", "LPAR", "MINUS"}
_OPERATORS = {"ARROW", "PLUS", "MINUS", "STAR", "SLASH"}

PEOPLE: dict[str, str] = {
    "NAME": "a name",
    "NUMBER": "a number",
    "QUANTITY": "a quantity",
    "STRING": "a string",
    "EQUAL": "`=`",
    "DIFFERS": "`!=`",
    "COMMA": "`,`",
    "COLON": "`:`",
    "DOTS": "`..`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "ARROW": "`->`",
    "PLUS": "`+`",
    "MINUS": "`-`",
    "STAR": "`*`",
    "SLASH": "`/`",
    "WITH": "`with`",
    "ON": "`on`",
    "STAGE": "`stage`",
    "WITHIN": "`within`",
    "AFTER": "`after`",
    "STEPS": "`steps`",
    "UP": "`up to scale`",
    "TO": "`to`",
    "FOR": "`for`",
    "IN": "`in`",
    "AS": "`as`",
    **{word.upper(): f"`{word}`" for word in KEYWORDS},
    "$END": "the end of the file",
}
"""Terminal to words, in the order in which a message lists them."""


def expected(accepts: Collection[str]) -> str:
    """What may stand here, in people's words: `` `,` or `)` ``; clauses, values and operators each as one."""
    left = set(accepts)
    found: list[str] = []
    if left >= _EXPRESSION:
        found.append("a value")
        left -= _EXPRESSION
    operators = left >= {"PLUS", "MINUS"}  # the parser may have seen already that the others cannot follow
    if operators:
        left -= _OPERATORS | {"LSQB"}
    clause = len(left & {word.upper() for word in KEYWORDS}) > len(VARIANT_KEYWORDS)
    if clause:
        left -= {word.upper() for word in KEYWORDS} | {"$END"}
    found += [words for terminal, words in PEOPLE.items() if terminal in left]
    if operators:
        found.append("an operator")
    if clause:
        found.append("the next clause")
    return one_of(found)


def one_of(words: list[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
