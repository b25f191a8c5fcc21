"""The whole script: from a lowered program to text.

Statements come from printers; the template only lays them out. The bytes depend on the program alone: no clock, no path, no
machine. Names and texts of a program reach the script through `identifier` and quoting printers, nothing else.
"""

from __future__ import annotations

import hashlib
import json
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from lpc.codegen.attributes import Attributes, attributes
from lpc.codegen.blocks import BlockClass, forwards_of, print_target
from lpc.codegen.clauses import block_text, docstring_text
from lpc.codegen.data import augment, load_data, package_of
from lpc.codegen.file_names import script_stem
from lpc.codegen.functions import FunctionPrinter, StepFunction
from lpc.codegen.inline import import_lines, inline
from lpc.codegen.layout import WIDTH, fitted
from lpc.codegen.measures import measure_fields
from lpc.codegen.names import identifier
from lpc.codegen.network import Item, OptimizerPrinter, additions, block_classes, constructor, looped
from lpc.codegen.order import Turn, lower, turns
from lpc.codegen.phases import phases_of
from lpc.codegen.schedule import Mode
from lpc.codegen.tables import table_of
from lpc.ir.losses import LOSSES
from lpc.ir.network import TARGET, Block
from lpc.ir.program import Optimizer, Program
from lpc.ir.step import Added, walk
from lpc.ir.types import Label, Tensor
from lpc.rules import registry
from lpc.rules.tracer import Traced
from lpc.syntax import tree
from lpc.version import VERSION

BODY_MARK = "# body sha256: "


@dataclass(frozen=True)
class Script:
    """A script: its name without `.py`, and its text."""

    name: str
    text: str


@cache
def _environment() -> Environment:
    return Environment(  # noqa: S701 - Python is written, nothing is escaped for HTML
        loader=PackageLoader("lpc.codegen"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def print_script(program: Program, mode: Mode | None = None) -> Script:
    """The training script of a program whose steps are there. `mode`: how steps are scheduled, instead of by price."""
    return _ScriptPrinter(program, mode).script()


class _ScriptPrinter:
    def __init__(self, program: Program, mode: Mode | None) -> None:
        assert program.network is not None and program.objective is not None
        assert program.protocol is not None and program.data is not None
        self.program, self.network, self.objective, self.mode = program, program.network, program.objective, mode
        self.protocol, self.data = program.protocol, program.data
        self.traced: Traced = program.plan
        self.attributes: Attributes = attributes(self.network)
        self.file = re.sub(r"[^\w.\-]", "_", program.source.name)
        self.places = {b.name: f"{self.file}:{program.source.line_number(b.span.start)}" for b in self.network.blocks}
        self.clauses = {c.name: c for c in program.file.clauses if isinstance(c, tree.Block)}
        self.imports: set[str] = {"main", "Task", "Phase", "Binding", "Options", "Splits"}
        self.printer = FunctionPrinter(
            self.network, self.attributes, self._heads(), lambda block: self._optimizer(block).kind
        )

    def script(self) -> Script:
        classes = block_classes(self.network, self._block_doc, forwards_of(self.traced.phases))
        for made in classes:
            self.imports |= made.imports
        turns_ = turns(self.program, self.mode)
        functions = [self._function(turn) for turn in turns_]
        own_parts = [
            *("\n".join(made.lines) for made in classes),
            self._network(classes),
            self._learning(),
            *self._function_texts(turns_, functions),
        ]
        task = self._task(turns_, functions)
        taken = inline(sorted(self.imports))
        own = [
            "import sys",
            "from typing import Any",
            "import torch",
            "import torch.nn.functional as F",
            "from torch import nn",
        ]
        foreign = [statement for made in classes for statement in made.foreign]
        text = (
            _environment()
            .get_template("script.py.j2")
            .render(
                own=[fitted(part) for part in own_parts],
                task=fitted(task),
                dependencies=", ".join(json.dumps(name) for name in self._dependencies(taken.names)),
                docstring=self._docstring(),
                imports="\n".join(import_lines([*own, *foreign, *taken.imports])),
                source=f"SOURCE = {quoted_source(self.program.source.text)}",
                sections=taken.sections,
            )
        )
        return Script(self.script_name(), with_body_hash(text))

    def script_name(self) -> str:
        return script_stem(self.program)

    # -- head -------------------------------------------------------------------------------------------------------

    def _docstring(self) -> str:
        variant = f", variant {self.program.variant}" if self.program.variant else ""
        rules = ", ".join(dict.fromkeys(use.rule for use in self.program.uses.values()))
        found = [registry.find(use.rule) for use in self.program.uses.values()]
        package = package_of(self.data)
        alone = f"stands alone but for the package {package}" if package else "stands alone"
        told = [f"{rule.title}: {lower(rule.summary)} ({rule.paper})" for rule in dict.fromkeys(found)]
        return "\n".join(
            [
                f'"""Trains `{self.program.name}`{variant} by {rules}. Written by lpc {VERSION} from {self.file}; {alone}.',
                "",
                *(line for text in told for line in [*textwrap.wrap(text, WIDTH, break_on_hyphens=False), ""]),
                "First comes what this program is: its blocks, its network, its training step. Behind the first `# --` stands what",
                f"every such script takes along. `python {self.script_name()}.py --help` lists the options.",
                '"""',
            ]
        )

    def _dependencies(self, names: Iterable[str]) -> list[str]:
        taken = set(names)
        wanted = ["numpy", "torch"]
        if "load_digits" in taken:
            wanted.append("scikit-learn")
        if self.program.measurements.energy:
            wanted.append("nvidia-ml-py")
        wanted += filter(None, [package_of(self.data)])
        return sorted([*wanted, "tqdm"])

    def _built(self, classes: Sequence[BlockClass]) -> list[str]:
        return constructor(self.network, classes, self.attributes, self.places, self.program.stages)

    def _heads(self) -> dict[str, str]:
        return {b.name: f"{b} ({self.places[b.name]}), {self.program.uses[b.name].rule}" for b in self.network.blocks}

    def _block_doc(self, block: Block) -> str:
        """The block's clause and its place; blocks of a chain share a clause."""
        clause = self.clauses[block.chain[0] if block.chain else block.name]
        lines, place = block_text(clause), self.places[block.name]
        if len(lines) == 1 and len(lines[0]) + len(place) <= WIDTH - 15:
            return docstring_text(f"`{lines[0]}` ({place})")
        head = f"`{lines[0].partition(' =')[0]}` ({place}):"
        return docstring_text("\n".join([head, "", *(f"    {line}" for line in lines), "    "]))

    # -- network ----------------------------------------------------------------------------------------------------

    def _inference_added(self) -> list[Added]:
        """What rules add that the prediction needs: it belongs to the network."""
        used = {
            source.name
            for node in walk(self.traced.prediction_nodes)
            if isinstance(source := node.attributes.get("source"), Added)
        }
        used |= {
            n.unit.head.name
            for n in walk(self.traced.prediction_nodes)
            if n.unit is not None and n.unit.head is not None
        }
        return [added for added in self.traced.added if added.name in used]

    def _network(self, classes: Sequence[BlockClass]) -> str:
        body, reads, imports = self.printer.forward(self.traced.prediction_nodes, self.traced.prediction)
        self.imports |= imports
        own = self._inference_added()
        if own:
            self.imports.add("Added")
        lines = [
            "class Network(nn.Module):",
            f'    """The blocks of `{self.program.name}`, and how they predict."""',
            "",
        ]
        if self.attributes.renamed:
            table = {attribute: block for block, attribute in self.attributes.renamed.items()}
            lines += [f"    RENAMED = {json.dumps(table)}  # attributes whose names Python or torch has a use for", ""]
        lines += ["    def __init__(self):", "        super().__init__()"]
        lines += [f"        {line}" for line in self._built(classes)]
        lines += [f"        {line}" for line in additions(self.network, own, self.attributes, "self")]
        if self.attributes.renamed:
            self.imports.add("use_names")
            lines.append("        use_names(self, self.RENAMED)")
        for chain in self.network.chains:
            doc = f'        """Block k of the chain `{chain}`, counted from 1."""'
            name = self.attributes.chain(chain)
            lines += ["", f"    def {name}(self, k):", doc, f'        return self.get_submodule(f"{name}_{{k}}")']
        # Attributes that no class declares have the type `Tensor | Module`, of which little can be asked: `Any` asks nothing.
        this = "self: Any" if own or self.network.chains else "self"
        lines += [
            "",
            f"    def forward({', '.join([this, *(identifier(name) for name in reads)])}):",
            *(f"        {line}" for line in body),
        ]
        return "\n".join(lines)

    def _learning(self) -> str:
        inference = {added.name for added in self._inference_added()}
        added = [a for a in self.traced.added if a.name not in inference]
        lines = ["def add_learning_parameters(net):"]
        if not added:
            return "\n".join([*lines, '    """Learning adds nothing to what predicts."""'])
        self.imports.add("Added")
        lines += ['    """What the rules add to blocks: needed to learn, not to predict.', ""]
        told = {added_name(tensor): tensor.summary for tensor in added}
        lines += [f"    {name}: {summary}." for name, summary in told.items()]
        lines += ['    """']
        lines += [f"    {line}" for line in additions(self.network, added, self.attributes, "net", held=inference)]
        return "\n".join(lines)

    # -- steps ------------------------------------------------------------------------------------------------------

    def _function(self, turn: Turn) -> StepFunction:
        made = self.printer.step(turn.printed, turn.function, turn.doc, turn.mode, turn.prefix)
        self.imports |= made.imports
        return made

    def _function_texts(self, turns_: Sequence[Turn], functions: Sequence[StepFunction]) -> list[str]:
        optimizers = OptimizerPrinter(self.network, self.traced.added, self.attributes, self._optimizer)
        texts: list[str] = []
        if self._target_nodes():
            names = ", ".join(identifier(name) for name in self.network.data)
            body = "\n".join(f"    {line}" for line in print_target(self.network, self.objective.target))
            texts.append(f'def target_of({names}):\n    """What the objective compares the prediction with."""\n{body}')
        for turn, function in zip(turns_, functions, strict=True):
            if function.optimizers:
                texts.append(optimizers.function(turn.optimizers, function.optimizers))
            texts.append(function.text)
            if turn.prefix is not None:
                self.imports.add("cached")
                texts.append(self.printer.prefix(turn.prefix, turn.prefix_function))
            if turn.judged:
                text, imports = self.printer.own_score(turn.phase, turn.judged, turn.score_function)
                self.imports |= imports
                texts.append(text)
            if kept := self._kept_still(turn):
                texts.append(self._mode(turn, kept))
            if turn.phase.finish:
                text, imports = self.printer.finish(turn.phase.finish, turn.finish, turn.finish_doc)
                self.imports |= imports
                texts.append(text)
        text, taken = augment(self.data)
        self.imports |= taken
        return [*texts, self._score(), *([text] if text else []), self._load()]

    def _kept_still(self, turn: Turn) -> list[Block]:
        """Frozen blocks whose inside would otherwise move or draw."""
        units = {n.unit.block: n.unit for n in walk(turn.phase.nodes) if n.unit is not None and n.unit.head is None}
        restless = {name for name, unit in units.items() if unit.batch_coupled or unit.random}
        return [block for block in self.network.blocks if block.name in turn.phase.frozen and block.name in restless]

    def _mode(self, turn: Turn, kept: Sequence[Block]) -> str:
        lines = [
            f"def {turn.mode_function}(net):",
            '    """Frozen blocks keep their statistics and drop nothing."""',
            "    net.train()",
        ]
        lines += [
            f"    {line}" for line in looped([Item(block, "{net}.eval()") for block in kept], self.attributes, "net")
        ]
        return "\n".join(lines)

    def _target_nodes(self) -> bool:
        return any(node.owner == TARGET for node in self.network.target_nodes)

    def _optimizer(self, block: str) -> Optimizer:
        return self.program.uses[block].optimizer or self.protocol.optimizer

    def _score(self) -> str:
        """(mean loss, correct predictions or None) of one batch."""
        names = [identifier(name) for name in self.network.data]
        reads = {str(n.attributes["source"]) for n in self.traced.prediction_nodes if n.primitive == "input"}
        inputs = ", ".join(identifier(name) for name in self.network.data if name in reads)
        loss = LOSSES[self.objective.loss]
        target = (
            identifier(self.objective.target)
            if self.objective.target in self.network.data
            else f"target_of({', '.join(names)})"
        )
        many = len(self.traced.prediction.kind.shape) > 1 and loss.positions_value
        scores = identifier("scores", names)
        value = (loss.positions_value if many else loss.value).format(scores, target)
        self.imports |= set(loss.imports)
        label = isinstance(self.network.type_of(self.objective.target), Label)
        hits = f"({scores}.argmax(-1) == {target}).sum()" if label else "None"
        doc = "the mean loss, and how many predictions are right" if label else "the mean loss"
        return "\n".join(
            [
                f"def score(net, {', '.join(names)}):",
                f'    """One batch, judged: {doc}."""',
                f"    {scores} = net({inputs})",
                f"    return {value}, {hits}",
            ]
        )

    def _load(self) -> str:
        text, imports = load_data(self.data)
        self.imports |= imports
        return text

    # -- the task ---------------------------------------------------------------------------------------------------

    def _task(self, turns_: Sequence[Turn], functions: Sequence[StepFunction]) -> str:
        p = self.protocol
        target = self.objective.target
        is_label = isinstance(self.network.type_of(target), Label)
        data = [_binding(name, type_, self.network.tokens(name)) for name, type_ in self.data.bindings]
        moded = {turn.name for turn in turns_ if self._kept_still(turn)}
        fields: list[tuple[str, str]] = [
            ("program", json.dumps(self.program.name)),
            ("variant", "None" if self.program.variant is None else json.dumps(self.program.variant)),
            ("source", "SOURCE"),
            ("source_sha256", json.dumps(self.program.source.sha256)),
            ("settings", json.dumps(dict(self.program.overrides))),
            ("lpc", json.dumps(VERSION)),
            ("seed", repr(p.seed)),
            ("data", f"({', '.join(data)},)" if len(data) == 1 else f"({', '.join(data)})"),
            ("label", repr(self.data.names.index(target)) if is_label and target in self.data.names else "None"),
            ("output", json.dumps(self.objective.block)),
            *self._tables(),
            ("epochs", repr(p.epochs)),
            ("steps", repr(p.steps)),
            ("batch", repr(p.batch)),
            ("network", "Network"),
            ("learning", "add_learning_parameters"),
            ("load", "load_data"),
            ("score", "score"),
            ("phases", phases_of(self.program, turns_, functions, moded)),
        ]
        for name, text, part in measure_fields(self.program.measurements):
            self.imports.add(part)
            fields.append((name, text))
        fields += self._protocol_fields()
        return "\n".join(["TASK = Task(", *(f"    {name}={text}," for name, text in fields), ")"])

    def _protocol_fields(self) -> list[tuple[str, str]]:
        p = self.protocol
        fields: list[tuple[str, str]] = []
        if p.order != "simultaneous":
            fields.append(("order", json.dumps(p.order)))
        if p.patience is not None:
            fields.append(("patience", repr(p.patience)))
        if p.precision != "f32":
            fields.append(("precision", json.dumps(p.precision)))
        if p.schedule.kind != "constant" or p.schedule.warmup:
            fields.append(("rate", self._rate()))
        if augment(self.data)[0]:
            fields.append(("augment", "augment"))
        return fields

    def _rate(self) -> str:
        """What multiplies the learning rates, over the epochs or steps written."""
        p = self.protocol
        curve = p.schedule.kind if p.schedule.kind != "step" else "staircase"
        self.imports |= {"schedule", curve}
        called = (
            f"staircase(every={p.schedule.every!r}, factor={p.schedule.factor!r})" if curve == "staircase" else curve
        )
        options = [f"warmup={p.schedule.warmup!r}"] if p.schedule.warmup else []
        options += ["by_steps=True"] if p.steps is not None else []
        return f"schedule({', '.join([called, repr(p.epochs if p.epochs is not None else p.steps), *options])})"

    def _tables(self) -> list[tuple[str, str]]:
        """Which rule each block learns by, and where it stands; long chains by comprehension."""
        rules = {block.name: self.program.uses[block.name].rule for block in self.network.blocks}
        return [("rules", table_of(self.network, rules)), ("places", table_of(self.network, self.places))]


def added_name(tensor: Added) -> str:
    """What a rule adds, without the block it adds it to: `mono_forward.projection`."""
    return tensor.name.removeprefix(f"{tensor.block}.")


def _binding(name: str, type_: object, classes: int | None) -> str:
    if not isinstance(type_, Tensor | Label):
        raise TypeError(f"no binding for {type_}")
    arguments = [json.dumps(name)]
    arguments += [_shape(type_.shape)] if type_.shape else []
    arguments += [f"classes={classes!r}"] if classes is not None else []
    return f"Binding({', '.join(arguments)})"


def _shape(shape: Sequence[int]) -> str:
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def quoted_source(text: str) -> str:
    """A program's text as a Python string, on lines of its own where that is safe, else escaped."""
    plain = all(char == "\n" or (char.isprintable() and char != "\\") for char in text) and '"""' not in text
    if plain and text.endswith("\n") and len(max(text.split("\n"), key=len)) <= WIDTH:
        return f'"""\\\n{text}"""'
    lines = text.splitlines(keepends=True)
    return "(\n" + "".join(f"    {json.dumps(line)}\n" for line in lines) + ")" if lines else '""'


def with_body_hash(text: str) -> str:
    """The script with a last line that tells an edited one from a generated one."""
    return f"{text}\n{BODY_MARK}{body_hash(text)}\n"


def body_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def is_unedited(text: str) -> bool:
    """Whether a script is as lpc wrote it."""
    body, mark, tail = text.rpartition(f"\n{BODY_MARK}")
    return bool(mark) and tail.strip() == body_hash(body)
