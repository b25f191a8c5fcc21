"""The fixed programs on which it is seen whether a mutant behaves otherwise: small networks of every shape, all uses of each rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from lpc.diagnostics import Report
from lpc.ir.program import Program
from lpc.passes.pipeline import run
from lpc.rules import registry
from lpc.rules.rule import Parameter
from lpc.source import Source
from lpc.syntax.parse import parse

NETWORKS: Mapping[str, str] = {
    "deep": """
data image: f32[6], label: class[3] = synthetic(examples = 20)
block a = image -> linear(5) -> tanh
block b = a -> linear(5) -> relu
block c = b -> linear(4) -> layer_norm -> tanh
block readout = c -> linear(3)
objective cross_entropy(readout, label)""",
    "branched": """
data image: f32[6], label: class[3] = synthetic(examples = 20)
block a = image -> linear(5) -> tanh
block b = a -> linear(5) -> batch_norm -> tanh
block c = (a + b) -> linear(4) -> tanh
block readout = concat(a, c) -> linear(3)
objective cross_entropy(readout, label)""",
    "coupled": """
data image: f32[6], label: class[4] = synthetic(examples = 20)
block a = image -> linear(5) -> batch_norm -> tanh
block b = a -> linear(5) -> batch_norm -> relu
block readout = b -> linear(4)
objective cross_entropy(readout, label)""",
    "images": """
data image: f32[1, 4, 4], label: class[3] = synthetic(examples = 20)
block a = image -> conv(2, kernel = 3, padding = 1) -> tanh -> max_pool(2)
block b = a -> conv(3, kernel = 2) -> relu
block readout = b -> flatten -> linear(3)
objective cross_entropy(readout, label)""",
    "shallow": """
data image: f32[4], label: class[2] = synthetic(examples = 20)
block a = image -> linear(5) -> tanh
block readout = a -> linear(2)
objective cross_entropy(readout, label)""",
    "unbiased": """
data image: f32[4], label: class[3] = synthetic(examples = 20)
block a = image -> linear(5, bias = false) -> tanh
block b = a -> linear(6) -> tanh -> linear(4) -> tanh
block readout = b -> linear(3, bias = false)
objective cross_entropy(readout, label)""",
    "pairs": """
data left: f32[4], right: f32[4], label: class[3] = synthetic(examples = 20)
block a = left -> linear(4) -> tanh
block b = (a + right) -> linear(4) -> tanh
block c = concat(b, left) -> linear(3) -> sigmoid
block readout = concat(a, c) -> linear(3)
objective cross_entropy(readout, label)""",
    "numbers": """
data image: f32[6], wanted: f32[2] = synthetic(examples = 20)
block a = image -> linear(5) -> tanh
block b = a -> linear(4) -> tanh
block readout = b -> linear(2) -> tanh
objective mse(readout, wanted)""",
    "again": """
data image: f32[1, 2, 3], label: class[3] = synthetic(examples = 20)
block a = image -> flatten -> linear(4) -> tanh
block readout = a -> linear(6) -> reshape(1, 2, 3)
objective mse(readout, image)""",
    "positions": """
data tokens, label = text("poems.txt", context = 3, classes = 4)
block a = tokens -> embedding(4) -> linear(4) -> tanh
block b = a -> linear(4) -> tanh
block readout = b -> linear(4)
objective cross_entropy(readout, label)""",
    "bare": """
data image: f32[6], label: class[3] = synthetic(examples = 20)
block readout = image -> linear(3)
objective cross_entropy(readout, label)""",
    "chain": """
data image: f32[5], label: class[3] = synthetic(examples = 20)
block a = image -> linear(5) -> tanh
block layer[4] = a -> linear(5) -> tanh
block readout = layer -> linear(3)
objective cross_entropy(readout, label)""",
    "chains": """
data image: f32[5], label: class[3] = synthetic(examples = 20)
block layer[3] = image -> linear(5) -> tanh
block more[4] = layer[2] -> linear(5) -> layer_norm -> tanh
block readout = concat(layer, more) -> linear(3)
objective cross_entropy(readout, label)""",
    "dropping": """
data image: f32[6], label: class[3] = synthetic(examples = 20)
block a = image -> linear(5) -> tanh -> dropout(0.5)
block b = a -> linear(4) -> tanh
block readout = b -> linear(3)
objective cross_entropy(readout, label)""",
    "sealed": """
data image: f32[6], label: class[3] = synthetic(examples = 20)
block a = image -> linear(5) -> opaque("boxes:Same", out = [5])
block readout = a -> linear(3)
objective cross_entropy(readout, label)""",
}  # fmt: skip
MOST = ("deep", "branched", "coupled", "images", "shallow", "unbiased", "pairs", "numbers", "bare")
FEW = ("deep", "branched")
"""Networks for every use of a rule, where the rule or a pass is probed; the others are for the usual one."""
TRAIN = "train epochs = 2, batch = 5, optimizer = sgd(lr = 0.1), precision = f64"


def of_rule(name: str) -> dict[str, str]:
    """Programs of one rule, by what they are: every use on every network, and beside other rules."""
    found: dict[str, str] = {}
    for at, use in enumerate(uses(name)):
        for net in NETWORKS if at == 0 else MOST:
            found[f"{use}, {net}"] = _program(net, [f"learn all with {use}"])
        found[f"{use} below another rule"] = _program("deep", [f"learn a, b with {use}", "learn rest with backprop"])
        found[f"{use} above another rule"] = _program("deep", ["learn a with mono_forward", f"learn rest with {use}"])
        found[f"{use} below, coupled"] = _program("coupled", [f"learn a with {use}", "learn rest with backprop"])
    return found


def of_passes() -> dict[str, str]:
    """Programs of all rules, in both orders, and mixed."""
    found: dict[str, str] = {}
    for name in registry.BUILT_IN:
        for at, use in enumerate(uses(name)):
            for net in NETWORKS if at == 0 else FEW:
                found[f"{use}, {net}"] = _program(net, [f"learn all with {use}"])
    for name in registry.BUILT_IN:
        for net in ("deep", "chain"):
            lines = [f"learn all with {name}"]
            found[f"{name}, {net}, sequential"] = _program(net, lines, f"{TRAIN}, order = sequential")
        found[f"{name} above"] = _program("chains", ["learn layer with mono_forward", f"learn rest with {name}"])
        for net in ("deep", "branched"):
            lines = [f"learn a with {name}", "learn rest with backprop"]
            found[f"{name} below, {net}"] = _program(net, lines)
    found["mono_forward, adam beside sgd"] = _program(
        "deep", ["learn a, b with mono_forward(optimizer = adam(lr = 0.01))", "learn rest with mono_forward"]
    )
    return found


def uses(name: str) -> list[str]:
    """The usual use of a rule, one for each combination of its words, and one for another value of each of its numbers."""
    parameters = registry.find(name).parameters()
    words = [parameter for parameter in parameters if parameter.kind == "word"]
    found = [
        ", ".join(f"{p.name} = {word}" for p, word in zip(words, chosen, strict=True))
        for chosen in product(*(_first(p) for p in words))
    ]
    numbers = [f"{p.name} = {_other(p)}" for p in parameters if p.kind != "word"]
    found += [
        ", ".join(filter(None, (base, number)))
        for number in numbers
        for base in (found if len(found) < 3 else found[:1])
    ]
    return [f"{name}({arguments})" if arguments else name for arguments in found]


def _first(parameter: Parameter) -> Sequence[str]:
    """A parameter's words, the default first."""
    return sorted(parameter.words, key=lambda word: word != parameter.default)


def _other(parameter: Parameter) -> str:
    if parameter.kind == "int":
        return "3"
    return "0.3" if parameter.most is not None or parameter.default in (None, 1.0) else "0.7"


def _program(net: str, learn: Sequence[str], train: str = TRAIN) -> str:
    return "\n".join(["network probe", NETWORKS[net].strip(), *learn, train, ""])


def compiled(text: str) -> Program | str:
    """The program with its steps, or the codes by which it is refused. Raises InternalError where a pass fails."""
    report, source = Report(), Source("probe.lp", text)
    program = run(Program(source, parse(source, report)), report)
    return program if not report.errors else " ".join(dict.fromkeys(found.code for found in report.errors))


def legal(texts: Mapping[str, str]) -> Iterator[tuple[str, Program]]:
    """The programs that lpc accepts."""
    for name, text in texts.items():
        made = compiled(text)
        if isinstance(made, Program):
            yield name, made
