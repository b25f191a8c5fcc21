"""`learning`: which block learns by which rule, with which settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lpc.diagnostics import Diagnostic, Edit, Report, error, nearest, warning
from lpc.ir.program import Optimizer, Program, RuleUse, Setting
from lpc.passes.arguments import Resolved, resolve
from lpc.passes.completion import complete, literal
from lpc.passes.contract import Fact, pass_
from lpc.passes.data_clause import SourceNotYet
from lpc.passes.protocol import read_optimizer
from lpc.passes.rule_names import AUTO, COMMON, rule_signature
from lpc.passes.scope import SOUND
from lpc.passes.selectors import REST, Chains, Line, chains_of, distribute, gather
from lpc.rules import registry
from lpc.source import Span
from lpc.syntax import tree


@error("LP300")
class UnknownRule(Diagnostic):
    """A learning rule is one of lpc's, or of an installed package that adds some. `lpc rules` lists them."""

    title = "there is no learning rule named `{name}`"
    label = "not a rule"
    help = "did you mean `{nearest}`?"
    bad = SOUND + "learn all with mono_foward\n"
    good = SOUND + "learn all with mono_forward\n"
    name: str
    nearest: str = ""


@error("LP301")
class RuleNotYet(Diagnostic):
    """The language has this rule, and this version of lpc does not. `lpc rules` lists the rules there are."""

    title = "`{name}` is not in this version"
    label = "not there yet"
    notes = ("rules of this version: {known}",)
    bad = SOUND + "learn all with particle_swarm\n"
    good = SOUND + "learn all with mono_forward\n"
    name: str
    known: str


@error("LP302")
class TwoRates(Diagnostic):
    """`lr` changes the rate of the optimizer in the `train` clause, `optimizer` replaces it: with both, the rate would be
    said twice.
    """

    title = "`lr` and `optimizer` are both given"
    label = "its rate is said twice"
    help = "give the rate inside: `optimizer = adam(lr = ...)`"
    bad = SOUND + "learn all with backprop(lr = 0.1, optimizer = adam)\n"
    good = SOUND + "learn all with backprop(optimizer = adam(lr = 0.1))\n"


@error("LP303")
class NothingToChoose(Diagnostic):
    """`auto` chooses among the rules listed, so one of them at least must be there."""

    title = "`among` lists no rule of this version"
    label = "nothing to choose from"
    bad = SOUND + "learn all with auto(among = [particle_swarm])\n"
    good = SOUND + "learn all with auto(among = [backprop, mono_forward])\n"


@warning("LP910")
class PassedOver(Diagnostic):
    """A rule of the language that this version does not have cannot be chosen; the others of the list are."""

    title = "`auto` passes over {names}, not in this version"
    label = "not there yet"
    bad = SOUND + "learn all with auto(among = [backprop, particle_swarm])\n"
    good = SOUND + "learn all with auto(among = [backprop])\n"
    names: str


@warning("LP912")
class NothingSelected(Diagnostic):
    """`rest` names the blocks that no other line names. Here every block is named."""

    title = "`rest` names no block"
    label = "has no effect"
    bad = SOUND + "learn all with backprop\nlearn rest with mono_forward\n"
    good = SOUND + "learn hidden with mono_forward\nlearn rest with backprop\n"


@pass_(needs={Fact.NAMES, Fact.BLOCKS, Fact.PROTOCOL}, gives={Fact.RULES}, tolerant=True)
def learning(program: Program, report: Report) -> Program:
    """Give every block its rule.

    Before: a plain text; blocks and protocol are known.
    After: `uses` names the rule of each block, with checked arguments; blocks that no line names have `auto`. `file` has
    one `learn` line for each different rule, which names its blocks.
    Errors: LP300-LP303 (rules), LP110-LP116 (arguments), LP310-LP313 (selectors).
    """
    chains = chains_of(program.file)
    clauses = [clause for clause in program.file.clauses if isinstance(clause, tree.Learn)]
    given = distribute([Line(clause.selectors, clause) for clause in clauses], chains, report)
    _warn_of_nothing(clauses, given, report)
    made = {id(clause): _use(clause.rule, program, report) for clause in clauses}
    if not report.errors:
        _warn_of_passing_over(clauses, report)
    span = next((clause.span for clause in program.file.clauses if isinstance(clause, tree.Network)), Span(0, 0))
    auto = _use(tree.Call(AUTO, (), name_span=span, span=span), program, report)
    order = [block.name for block in program.network.blocks] if program.network else list(chains.everything())
    uses = {block: made[id(given[block])] if block in given else auto for block in order}
    return with_uses(replace(program, uses=uses))


def with_uses(program: Program, uses: Mapping[str, RuleUse] | None = None) -> Program:
    """The program with its `learn` lines as `uses` say; passes that choose rules call it with their choice."""
    uses = program.uses if uses is None else uses
    lines = tuple(_lines(uses, chains_of(program.file)))
    before = [
        clause
        for clause in program.file.clauses
        if isinstance(clause, tree.Network | tree.Data | tree.Def | tree.Block | tree.Objective)
    ]
    after = [clause for clause in program.file.clauses if isinstance(clause, tree.Place | tree.Train | tree.Measure)]
    return replace(program, uses=uses, file=replace(program.file, clauses=(*before, *lines, *after)))


def _lines(uses: Mapping[str, RuleUse], chains: Chains) -> Iterator[tree.Learn]:
    in_text_order = {block: uses[block] for block in chains.everything() if block in uses}
    for line in gather(in_text_order, chains, _identity, Span(0, 0)):
        use = line.gives
        yield tree.Learn(tuple(replace(s, span=use.span) for s in line.selectors), _call(use), span=use.span)


def _identity(use: RuleUse) -> object:
    optimizer = use.optimizer and (use.optimizer.kind, tuple(use.optimizer.arguments.items()))
    return use.rule, use.arguments, optimizer


def _call(use: RuleUse) -> tree.Call:
    """A use as it is written: with all its arguments, defaults too."""
    arguments = [_argument(name, literal(value, use.span), use.span) for name, value in use.arguments]
    if use.optimizer is not None:
        inside = tuple(_argument(n, literal(v, use.span), use.span) for n, v in use.optimizer.arguments.items())
        arguments.append(_argument("optimizer", tree.Call(use.optimizer.kind, inside, span=use.span), use.span))
    signature = rule_signature(use.rule)
    assert signature is not None
    written = sorted(complete(arguments, signature, use.span), key=lambda a: signature.names.index(a.name or ""))
    return tree.Call(use.rule, tuple(written), name_span=use.span, span=use.span)


def _argument(name: str, value: tree.Expr, span: Span) -> tree.Argument:
    return tree.Argument(name, value, name_span=span, span=span)


def _warn_of_nothing(clauses: Sequence[tree.Learn], given: Mapping[str, tree.Learn], report: Report) -> None:
    rests = [(clause, selector) for clause in clauses for selector in clause.selectors if selector.name == REST]
    if len(rests) == 1 and all(clause is not rests[0][0] for clause in given.values()):
        report.add(NothingSelected(span=rests[0][1].span))


def _warn_of_passing_over(clauses: Sequence[tree.Learn], report: Report) -> None:
    """Warn of rules that `auto` may choose and this version does not have; where another mistake stands, that says enough."""
    for clause in clauses:
        among = (
            next((a for a in clause.rule.arguments if a.name == "among"), None) if clause.rule.name == AUTO else None
        )
        if among is None or not isinstance(among.value, tree.ListExpr):
            continue
        names = [item.name for item in among.value.items if isinstance(item, tree.Name)]
        if later := [name for name in names if name not in registry.names()]:
            report.add(PassedOver(span=among.span, names=", ".join(f"`{name}`" for name in later)))


def _use(rule: tree.Call, program: Program, report: Report) -> RuleUse:
    """A rule with its arguments checked. A rule that cannot be used passes as `auto`, so that nothing more is said of it."""
    signature = rule_signature(rule.name)
    if signature is None:
        _report_no_rule(rule, report)
        return RuleUse(AUTO, span=rule.span)
    found = resolve(rule.arguments, signature, rule.span, report)
    if not found.complete:
        return RuleUse(AUTO, span=rule.span)
    optimizer = _optimizer(found, program, report)
    values = dict(found.values)
    if rule.name == AUTO:
        values["among"] = _among(found, report)
    own = [p for p in signature.parameters if p not in COMMON]
    arguments = tuple((p.name, values[p.name]) for p in own if values[p.name] != p.default)
    # Defaults that were written out stand where the rule does.
    written = tuple((name, span) for name, span in found.spans.items() if span != rule.span)
    return RuleUse(rule.name, arguments, optimizer, rule.span, written)


def _report_no_rule(rule: tree.Call, report: Report) -> None:
    if rule.name in registry.known():
        # Where the data are not there yet either, that was said, and the program has to wait in any case.
        if not any(isinstance(said, SourceNotYet) for said in report.errors):
            listed = ", ".join(f"`{name}`" for name in registry.BUILT_IN)
            report.add(RuleNotYet(span=rule.name_span, name=rule.name, known=listed))
        return
    near = nearest(rule.name, (*registry.names(), AUTO))
    edit = Edit(rule.name_span, near) if near else None
    report.add(UnknownRule(span=rule.name_span, name=rule.name, nearest=near, edit=edit))


def _optimizer(found: Resolved, program: Program, report: Report) -> Optimizer | None:
    """What `lr` or `optimizer` among the arguments makes of the protocol's optimizer; None when neither is given."""
    rate, call = found.values["lr"], found.values["optimizer"]
    if rate is not None and call is not None:
        report.add(TwoRates(span=found.spans["lr"]))
        return None
    if call is not None:
        return read_optimizer(call, report)
    if rate is None or program.protocol is None:
        return None
    base = program.protocol.optimizer
    return Optimizer(base.kind, {**base.arguments, "lr": rate})


def _among(found: Resolved, report: Report) -> Setting:
    """The rules `auto` may choose from that are there; None where the program does not say."""
    names: Any = found.values["among"]
    if names is None:
        return None
    there = [name for name in names if name in registry.names()]
    span = found.spans["among"]
    known = registry.known()
    for name in names:
        if name not in known:
            report.add(UnknownRule(span=span, name=name, nearest=nearest(name, known)))
    later = [name for name in names if name not in there and name in known]
    if not there and len(later) == len(names):
        report.add(NothingToChoose(span=span))
    return tuple(dict.fromkeys(there))
