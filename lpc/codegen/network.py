"""The network class, what rules add to it, and the optimizers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from lpc.codegen.attributes import Attributes
from lpc.codegen.blocks import PLAINLY, BlockClass, Forwards, print_block, signature
from lpc.codegen.file_names import foreign_to
from lpc.codegen.inline import top_level_names
from lpc.codegen.statements import literal
from lpc.ir.network import Block, Network
from lpc.ir.program import Optimizer
from lpc.ir.step import Added, Unit

SCRIPT_CLASSES = frozenset({"Network", "TASK", "SOURCE", "True", "False", "None"})
"""What a script's top level holds, or Python, besides runtime parts."""


def block_classes(network: Network, docs: Callable[[Block], str], forwards: Mapping[str, Forwards]) -> list[BlockClass]:
    """One class for each block, or for blocks that are alike, in the order of the network."""
    made: dict[tuple[object, ...], BlockClass] = {}
    taken = {*SCRIPT_CLASSES, *top_level_names()}
    foreign = _foreign_names(network, taken)
    for block in network.blocks:
        ways = forwards.get(block.name, PLAINLY)
        key = (block.chain[0] if block.chain else block.name, signature(network, block, ways))
        if key in made:
            held = made[key]
            made[key] = BlockClass(
                held.name, held.lines, (*held.blocks, block.name), held.imports, held.foreign, held.takes_name
            )
            continue
        alone = block.chain is None or (
            block.chain[1] == 1 and network.chains.get(block.chain[0], 1) > 1 and _differs(network, block)
        )
        name = _camel(block.name if alone or block.chain is None else block.chain[0])
        while name in taken:
            name += "Block"
        taken.add(name)
        made[key] = print_block(network, block, name, docs(block), ways, foreign)
    return list(made.values())


def _foreign_names(network: Network, taken: set[str]) -> dict[tuple[str, str], str]:
    """What code of others is called in the script, by module and name; added to the names taken."""
    found: dict[tuple[str, str], str] = {}
    for wanted in dict.fromkeys(foreign_to(network)):
        name = wanted[1]
        while name in taken:
            name = f"Foreign{name}"
        taken.add(name)
        found[wanted] = name
    return found


def _differs(network: Network, block: Block) -> bool:
    assert block.chain is not None
    return signature(network, block, PLAINLY) != signature(network, network.block(f"{block.chain[0]}_2"), PLAINLY)


def _camel(name: str) -> str:
    made = "".join(part[:1].upper() + part[1:] for part in name.split("_") if part)
    return made if made.isidentifier() else f"Block{made}"


@dataclass(frozen=True)
class Item:
    """One line for one block; lines of a chain's blocks that differ in the index alone are printed as a loop."""

    block: Block
    text: str
    """With `{net}` for the block's module, `{name}` for its name as text inside a string; several statements have lines."""


def constructor(
    network: Network,
    classes: Sequence[BlockClass],
    attributes: Attributes,
    places: Mapping[str, str],
    stages: Sequence[Collection[str]] = (),
) -> list[str]:
    """Lines of `Network.__init__` that build the blocks, grouped by stage where there are several."""
    stage_of = {name: at for at, names in enumerate(stages, start=1) for name in names} if len(stages) > 1 else {}
    class_of = {name: made for made in classes for name in made.blocks}
    lines: list[str] = []
    blocks = list(network.blocks)
    at = 0
    while at < len(blocks):
        block, made = blocks[at], class_of[blocks[at].name]
        stage = stage_of.get(block.name)
        if stage is not None and (not at or stage_of.get(blocks[at - 1].name) != stage):
            lines.append(f"# stage {stage}")
        end = at + 1
        while block.chain and end < len(blocks) and class_of[blocks[end].name] is made and blocks[end].chain:
            if stage_of.get(blocks[end].name) != stage:
                break
            end += 1
        if end - at >= 3 and block.chain:
            first = block.chain[1]
            lines.append(f"for k in range({first}, {first + end - at}):  # {places[block.name]}")
            argument = f'f"{block.chain[0]}_{{k}}"' if made.takes_name else ""
            attribute = attributes.chain(block.chain[0])
            lines.append(f'    self.add_module(f"{attribute}_{{k}}", {made.name}({argument}))')
        else:
            for one in blocks[at:end]:
                argument = f'"{one.name}"' if made.takes_name else ""
                lines.append(f"self.{attributes.of(one.name)} = {made.name}({argument})  # {places[one.name]}")
        at = end
    return lines


def additions(
    network: Network, added: Sequence[Added], attributes: Attributes, root: str, held: Collection[str] = ()
) -> list[str]:
    """Statements that attach what rules add to blocks. `held`: tensors attached before, whose holders are there already."""
    there = {name.rpartition(".")[0] for name in held}
    holders: dict[str, dict[str, list[Added]]] = {}
    for tensor in added:
        holders.setdefault(tensor.block, {}).setdefault(tensor.name.rpartition(".")[0], []).append(tensor)
    items = [
        Item(block, _addition(holder, tensors, holder in there))
        for block in network.blocks
        for holder, tensors in holders.get(block.name, {}).items()
    ]
    return looped(items, attributes, root)


def _addition(holder: str, tensors: Sequence[Added], there: bool) -> str:
    """What attaches a rule's tensors to a block: one line, or one and one more for each tensor after the first."""
    rule = holder.partition(".")[2]
    calls = [_tensor(tensor) for tensor in tensors]
    if there:
        return "\n".join(f"{{net}}.{rule}{call}" for call in calls)
    first, *rest = calls
    lines = [f'{{net}}.{rule} = Added("{{name}}.{rule}"){first}', *(f"{{net}}.{rule}{call}" for call in rest)]
    return "\n".join(lines)


def _tensor(tensor: Added) -> str:
    name = literal(tensor.name.rpartition(".")[2]).replace("'", '"')
    shape = "(" + ", ".join(map(str, tensor.shape)) + ("," if len(tensor.shape) == 1 else "") + ")"
    if tensor.dtype == "f64":
        return f".sums({name}, {shape})"
    kind = "trained" if tensor.trained else "fixed"
    bound = tensor.law.scale if tensor.law.kind == "uniform" else 0.0
    return f".{kind}({name}, {shape}, bound={_bound(float(bound))})"


def _bound(bound: float) -> str:
    """`256**-0.5` where the bound is exactly that, as readers know it; else the number."""
    whole = round(bound**-2) if bound else 0
    return f"{whole}**-0.5" if whole > 1 and float(whole) ** -0.5 == bound else literal(bound)


def looped(items: Sequence[Item], attributes: Attributes, root: str) -> list[str]:
    """The items' lines; three or more of one chain that are alike become a loop."""
    lines: list[str] = []
    at = 0
    while at < len(items):
        item = items[at]
        end = at + 1
        while (
            item.block.chain
            and end < len(items)
            and items[end].text == item.text
            and _next(items[end - 1].block, items[end].block)
        ):
            end += 1
        if item.block.chain and end - at >= 3:
            chain, first = item.block.chain
            text = (
                item.text.replace('"{name}', 'f"{name}')
                .replace("{net}", f"{root}.{attributes.chain(chain)}(k)")
                .replace("{name}", f"{chain}_{{k}}")
            )
            lines += [f"for k in range({first}, {first + end - at}):", *(f"    {line}" for line in text.split("\n"))]
        else:
            for one in items[at:end]:
                text = one.text.replace("{net}", f"{root}.{attributes.of(one.block.name)}").replace(
                    "{name}", one.block.name
                )
                lines += text.split("\n")
        at = end
    return lines


def _next(a: Block, b: Block) -> bool:
    return a.chain is not None and b.chain == (a.chain[0], a.chain[1] + 1)


# -- optimizers ---------------------------------------------------------------------------------------------------------

TORCH = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"}


def optimizer_call(parameters: str, optimizer: Optimizer) -> str:
    """The call that makes a torch optimizer."""
    return _torch_call(optimizer.kind, [parameters, *optimizer_options(optimizer)])


def _torch_call(kind: str, arguments: Sequence[str]) -> str:
    fused = [] if kind == "rmsprop" else ["fused=True"]
    return f"torch.optim.{TORCH[kind]}({', '.join([*arguments, *fused])})"


def optimizer_options(optimizer: Optimizer) -> list[str]:
    """The options of a torch optimizer, or of one group of its parameters; what torch does by default is left out."""
    a = optimizer.arguments
    options = [f"lr={literal(float(a['lr']))}"]
    if optimizer.kind in ("adam", "adamw") and (a.get("beta1", 0.9), a.get("beta2", 0.999)) != (0.9, 0.999):
        options.append(f"betas=({literal(float(a['beta1']))}, {literal(float(a['beta2']))})")
    if a.get("alpha", 0.99) != 0.99:
        options.append(f"alpha={literal(float(a['alpha']))}")
    if a.get("epsilon", 1e-8) != 1e-8:
        options.append(f"eps={literal(float(a['epsilon']))}")
    if a.get("momentum"):
        options.append(f"momentum={literal(float(a['momentum']))}")
    if a.get("nesterov"):
        options.append("nesterov=True")
    if float(a.get("weight_decay", 0.0)) != (0.01 if optimizer.kind == "adamw" else 0.0):
        options.append(f"weight_decay={literal(float(a['weight_decay']))}")
    return options


class OptimizerPrinter:
    """Prints the function that makes a phase's optimizers."""

    def __init__(
        self, network: Network, added: Sequence[Added], attributes: Attributes, settings: Callable[[str], Optimizer]
    ) -> None:
        self.network, self.attributes, self.settings = network, attributes, settings
        self.own: dict[str, list[str]] = {}
        """Every trained tensor of a block, those that rules added included."""
        for block in network.blocks:
            self.own[block.name] = [name for name, weight in network.weights(block) if weight.trained]
        for tensor in added:
            if tensor.trained:
                self.own[tensor.block].append(tensor.name)
        self.everything = {name for names in self.own.values() for name in names}

    def function(self, name: str, optimizers: Mapping[str, Sequence[Unit]]) -> str:
        lines = [
            f"def {name}(net):",
            '    """The optimizers, by the part of the network each of them moves."""',
            "    return {",
        ]
        items: list[tuple[str, str]] = [(key, self._optimizer(units)) for key, units in optimizers.items()]
        at = 0
        by_name = {block.name: block for block in self.network.blocks}
        while at < len(items):
            key, text = items[at]
            block = by_name.get(key)
            end = at + 1
            if block is not None and block.chain:
                generic = self._generic(block, text)
                while end < len(items) and (other := by_name.get(items[end][0])) is not None and other.chain:
                    if not _next(by_name[items[end - 1][0]], other) or self._generic(other, items[end][1]) != generic:
                        break
                    end += 1
                if end - at >= 3:
                    chain, first = block.chain
                    call = generic.replace("\0", f"net.{self.attributes.chain(chain)}(k)")
                    lines.append(f'        **{{f"{chain}_{{k}}": {call} for k in range({first}, {first + end - at})}},')
                    at = end
                    continue
            lines += [f'        "{one}": {call},' for one, call in items[at:end]]
            at = end
        return "\n".join([*lines, "    }"])

    def _generic(self, block: Block, text: str) -> str:
        return text.replace(f"net.{self.attributes.of(block.name)}.", "\0.")

    def _optimizer(self, units: Sequence[Unit]) -> str:
        trained = {name for unit in units for name, _ in unit.parameters}
        blocks = list(dict.fromkeys(unit.block for unit in units))
        groups: dict[tuple[object, ...], tuple[Optimizer, list[str]]] = {}
        for block in blocks:
            setting = self.settings(block)
            key = (setting.kind, tuple(sorted(setting.arguments.items())))
            groups.setdefault(key, (setting, []))[1].append(block)
        if len(groups) == 1:
            ((setting, _),) = groups.values()
            if trained == self.everything:
                return optimizer_call("net.parameters()", setting)
            return optimizer_call(self._parameters(blocks, trained), setting)
        texts = [
            f"dict(params={self._parameters(members, trained)}, {', '.join(optimizer_options(setting))})"
            for setting, members in groups.values()
        ]
        ((kind, _), *_) = groups
        return _torch_call(str(kind), [f"[{', '.join(texts)}]"])

    def _parameters(self, blocks: Sequence[str], trained: Collection[str]) -> str:
        whole: list[str] = []
        single: list[str] = []
        for block in blocks:
            own = self.own[block]
            if all(name in trained for name in own):
                whole.append(f"net.{self.attributes.of(block)}.parameters()")
            else:
                single += [self.attributes.path(name, "net") for name in own if name in trained]
        if len(whole) == 1 and not single:
            return whole[0]
        return "[" + ", ".join([*(f"*{text}" for text in whole), *single]) + "]"
