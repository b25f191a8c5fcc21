"""`protocol`: how to train, what to measure, where to place it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lpc.diagnostics import Diagnostic, Edit, Report, error, nearest, warning
from lpc.ir.grid import INTENSITIES, source_of
from lpc.ir.program import Carbon, DataUse, Estimate, Measurements, Optimizer, Placement, Program, Protocol, Schedule
from lpc.passes.arguments import Resolved, resolve
from lpc.passes.clauses import missing
from lpc.passes.contract import Fact, pass_
from lpc.passes.scope import SOUND
from lpc.passes.selectors import Chains, Line, chains_of, distribute
from lpc.passes.signatures import Parameter, Signature
from lpc.passes.tables import ESTIMATES, MEASURES, OPTIMIZERS, PLACE, SCHEDULES, TRAIN
from lpc.passes.values import Hole, read
from lpc.source import Span
from lpc.syntax import tree


def _train(options: str) -> str:
    return SOUND.replace("epochs = 1, batch = 64", options)


@error("LP400")
class HowLong(Diagnostic):
    """Training lasts for so many passes over the training part (`epochs`) or for so many steps (`steps`). One of them is
    written, and only one: neither has a default that would suit two programs.
    """

    title = "training needs one of `epochs` and `steps`, found {found}"
    label = "{found}"
    help = "write `train epochs = 10, ...` or `train steps = 2000, ...`"
    bad = _train("batch = 64")
    good = SOUND
    found: str


@error("LP401")
class NoBatch(Diagnostic):
    """The batch is part of what is learned, so it is always written: a number of examples, or `all` for one step a pass."""

    title = "training needs `batch`"
    label = "`batch` is missing"
    help = "write `batch = 64`, or `batch = all` for the whole training part at once"
    bad = _train("epochs = 1")
    good = SOUND


@error("LP402")
class PatienceWithoutValidation(Diagnostic):
    """`patience` ends training when the validation part stops improving, so there must be one."""

    title = "`patience` needs a validation part, and the data have none"
    label = "nothing to watch"
    help = "give the data source `validation = 10%`"
    bad = _train("epochs = 9, batch = 64, patience = 3")
    good = _train("epochs = 9, batch = 64, patience = 3").replace("digits()", "digits(validation = 10%)")


@error("LP403")
class NesterovWithoutMomentum(Diagnostic):
    """Nesterov's step looks ahead along the momentum; without momentum there is nothing to look along."""

    title = "`nesterov` needs a momentum above 0"
    label = "there is no momentum"
    bad = _train("epochs = 1, batch = 64, optimizer = sgd(0.1, nesterov = true)")
    good = _train("epochs = 1, batch = 64, optimizer = sgd(0.1, momentum = 0.9, nesterov = true)")


@error("LP410")
class UnknownMeasure(Diagnostic):
    """What a script can report: `energy`, `memory`, `flops`, `carbon(...)`. Time is always reported."""

    title = "there is nothing to measure named `{name}`"
    label = "not a measure"
    notes = ("measures: {known}",)
    help = "did you mean `{nearest}`?"
    bad = SOUND + "measure enery\n"
    good = SOUND + "measure energy\n"
    name: str
    known: str
    nearest: str = ""


@error("LP411")
class CarbonWithoutEnergy(Diagnostic):
    """Carbon is energy times the intensity of the electricity, so energy has to be measured."""

    title = "`carbon` needs `energy`"
    label = "nothing to multiply"
    help = "write `measure energy, carbon(...)`"
    bad = SOUND + "measure carbon(intensity = 385)\n"
    good = SOUND + "measure energy, carbon(intensity = 385)\n"


@error("LP412")
class NoIntensity(Diagnostic):
    """Carbon is energy times the intensity of the electricity. A program writes either the intensity, in grams of CO₂
    equivalent a kilowatt-hour, or a country whose yearly mean is in lpc's table (`docs/energy.md` lists it with its year and
    source). There is no default, and nothing is looked up by address.
    """

    title = "`carbon` needs one of `intensity` and `country`, found {found}"
    label = "{found}"
    help = "write `carbon(intensity = 385)`, or `carbon(country = NL)`"
    bad = SOUND + "measure energy, carbon(pue = 1.2)\n"
    good = SOUND + "measure energy, carbon(country = NL, pue = 1.2)\n"
    found: str


@error("LP420")
class UnknownStage(Diagnostic):
    """Stages count from 1 to what `place stages = ...` says, which is 1 where it says nothing."""

    title = "there is no stage {stage}: {there}"
    label = "no such stage"
    help = "write `place stages = {stage}`"
    bad = SOUND + "place readout on stage 2\n"
    good = SOUND + "place stages = 2\nplace readout on stage 2\n"
    stage: int
    there: str


@warning("LP908")
class NeverComes(Diagnostic):
    """`patience` and `warmup` count epochs (`warmup` steps, where `steps` are written); past the end of training they do
    nothing.
    """

    title = "`{name} = {value}` has no effect within {length}"
    label = "beyond the end of training"
    bad = _train("epochs = 5, batch = 64, patience = 10").replace("digits()", "digits(validation = 10%)")
    good = _train("epochs = 50, batch = 64, patience = 10").replace("digits()", "digits(validation = 10%)")
    name: str
    value: int
    length: str


@warning("LP909")
class BalanceOfOne(Diagnostic):
    """`balance` says what stages share evenly, so with one stage it has no effect."""

    title = "`balance` has no effect with one stage"
    label = "nothing to balance"
    bad = SOUND + "place balance = memory\n"
    good = SOUND + "place stages = 2, balance = memory\n"


@pass_(needs={Fact.NAMES, Fact.TYPES}, gives={Fact.PROTOCOL}, tolerant=True)
def protocol(program: Program, report: Report) -> Program:
    """Read the `train`, `measure` and `place` clauses.

    Before: a plain text; `data` is known.
    After: `protocol`, `measurements` and `placement` are there.
    Errors: LP400-LP403 (train), LP410-LP412 (measure), LP420, LP310-LP313 (place).
    """
    clauses = program.file.clauses
    train = next((clause for clause in clauses if isinstance(clause, tree.Train)), None)
    if train is None:
        missing(program.file, tree.Train, report)
    made = None if train is None else _protocol(train, program, report)
    measures = [item for clause in clauses if isinstance(clause, tree.Measure) for item in clause.items]
    places = [clause for clause in clauses if isinstance(clause, tree.Place)]
    return replace(
        program,
        protocol=made,
        measurements=_measurements(measures, report),
        placement=_placement(places, chains_of(program.file), report),
    )


def _options(clause: tree.Train | tree.Place, signature: Signature, report: Report) -> Resolved:
    arguments = [
        tree.Argument(option.name, option.value, name_span=option.name_span, span=option.span)
        for option in clause.options
    ]
    return resolve(arguments, signature, clause.span, report)


def _protocol(clause: tree.Train, program: Program, report: Report) -> Protocol | None:
    read_options = _options(clause, TRAIN, report)
    values, spans = read_options.values, read_options.spans
    # An option that was written wrongly was reported, and is not missing.
    epochs, steps = "epochs" in spans, "steps" in spans
    if epochs == steps:
        span = spans["steps"] if steps else clause.span
        report.add(HowLong(span=span, found="both" if steps else "neither"))
    if "batch" not in spans:
        report.add(NoBatch(span=clause.span))
    _check_patience(spans, program.data, report)
    optimizer = read_optimizer(values["optimizer"], report)
    schedule = _schedule(values["schedule"], values["warmup"], report)
    if not read_options.complete or epochs == steps or "batch" not in spans or optimizer is None or schedule is None:
        return None
    _warn_of_late(values, spans, report)
    batch = values["batch"]
    return Protocol(
        epochs=values["epochs"],
        steps=values["steps"],
        batch=None if batch == "all" else batch,
        optimizer=optimizer,
        schedule=schedule,
        precision=values["precision"],
        patience=values["patience"],
        order=values["order"],
        seed=values["seed"],
        span=clause.span,
    )


def _check_patience(spans: Mapping[str, Span], data: DataUse | None, report: Report) -> None:
    """Sources of which nothing is known, and arguments that were mistakes, are given the benefit of the doubt."""
    known = data is not None and "validation" in data.arguments
    if "patience" in spans and known and data is not None and data.arguments["validation"] is None:
        report.add(PatienceWithoutValidation(span=spans["patience"], related=((data.span, "no `validation` here"),)))


def _warn_of_late(values: Mapping[str, Any], spans: Mapping[str, Span], report: Report) -> None:
    epochs, steps = values["epochs"], values["steps"]
    if epochs is not None and values["patience"] is not None and values["patience"] >= epochs:
        report.add(
            NeverComes(span=spans["patience"], name="patience", value=values["patience"], length=f"{epochs} epochs")
        )
    length = epochs if epochs is not None else steps
    unit = "epochs" if epochs is not None else "steps"
    if values["warmup"] and values["warmup"] >= length:
        report.add(NeverComes(span=spans["warmup"], name="warmup", value=values["warmup"], length=f"{length} {unit}"))


def read_optimizer(call: Any, report: Report) -> Optimizer | None:
    """The optimizer a call names, all its arguments filled in; None after a mistake."""
    if not isinstance(call, tree.Call):
        return None
    found = resolve(call.arguments, OPTIMIZERS[call.name], call.span, report)
    if not found.complete:
        return None
    if found.values.get("nesterov") and not found.values["momentum"]:
        report.add(NesterovWithoutMomentum(span=found.spans.get("nesterov", call.span)))
        return None
    return Optimizer(call.name, dict(found.values))


def _schedule(call: Any, warmup: Any, report: Report) -> Schedule | None:
    if not isinstance(call, tree.Call) or isinstance(warmup, Hole):
        return None
    found = resolve(call.arguments, SCHEDULES[call.name], call.span, report)
    if not found.complete:
        return None
    return Schedule(call.name, **found.values, warmup=warmup)  # type: ignore[arg-type]


def _measurements(items: Sequence[tree.Call], report: Report) -> Measurements:
    found: dict[str, Resolved] = {}
    unknown = False
    for item in items:
        signature = MEASURES.get(item.name)
        if signature is None:
            near = nearest(item.name, MEASURES)
            edit = Edit(item.name_span, near) if near else None
            known = ", ".join(f"`{name}`" for name in MEASURES)
            report.add(UnknownMeasure(span=item.name_span, name=item.name, known=known, nearest=near, edit=edit))
            unknown = True
            continue
        found[item.name] = resolve(item.arguments, signature, item.span, report)
    carbon = found.get("carbon")
    if carbon is not None and "energy" not in found and not unknown:
        report.add(CarbonWithoutEnergy(span=next(item.span for item in items if item.name == "carbon")))
    factors = None
    if carbon is not None and carbon.complete:
        factors = _carbon(carbon, next(item.span for item in items if item.name == "carbon"), report)
    estimate = _estimate(found["energy"], report) if "energy" in found else None
    return Measurements("energy" in found, "memory" in found, "flops" in found, factors, estimate)


def _carbon(found: Resolved, span: Span, report: Report) -> Carbon | None:
    intensity, country, pue = (found.values[name] for name in ("intensity", "country", "pue"))
    if (intensity is None) == (country is None):
        report.add(NoIntensity(span=span, found="neither" if country is None else "both"))
        return None
    if country is None:
        return Carbon(intensity, pue)
    return Carbon(float(INTENSITIES[country]), pue, source_of(country))


def _estimate(energy: Resolved, report: Report) -> Estimate | None:
    call = energy.values["estimate"] if energy.complete else None
    if not isinstance(call, tree.Call):
        return None
    found = resolve(call.arguments, ESTIMATES[call.name], call.span, report)
    return Estimate(found.values["pj_per_flop"], found.values["idle"]) if found.complete else None


STAGE = Signature("place", "clause", (Parameter("stage", "int", least=1),))


def _placement(places: Sequence[tree.Place], chains: Chains, report: Report) -> Placement:
    options = next((clause for clause in places if clause.options), None)
    stages, balance, span = 1, "time", options.span if options else Span(0, 0)
    if options is not None:
        found = _options(options, PLACE, report)
        if found.complete:
            stages, balance = found.values["stages"], found.values["balance"]
            if stages == 1 and "balance" in found.spans and balance != "time":
                report.add(BalanceOfOne(span=found.spans["balance"]))
    pinned = distribute([Line(clause.selectors, clause) for clause in places if clause.selectors], chains, report)
    pins: dict[str, int] = {}
    for block, clause in pinned.items():
        assert clause.stage is not None
        stage = read(clause.stage, STAGE.parameters[0], "place", report)
        if not isinstance(stage, int):
            continue
        if stage > stages:
            there = "there is one" if stages == 1 else f"there are {stages}"
            report.add(UnknownStage(span=clause.stage.span, stage=stage, there=there))
        pins[block] = stage
    return Placement(stages, balance, pins, span)  # type: ignore[arg-type]
