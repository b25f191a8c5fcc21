"""The step printer: from a scheduled step to lines of torch, names still open."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from math import isfinite

from lpc.codegen.blocks import leaves_statistics
from lpc.codegen.lines import Line, mark
from lpc.codegen.segments import Root, Segment, Spelling
from lpc.ir.functions import FUNCTIONS
from lpc.ir.losses import LOSSES
from lpc.ir.step import SILENT, Added, Node, Unit, Value, walk

ALWAYS_INLINE = frozenset({"get", "cross"})
NEVER_INLINE = frozenset({"fwd", "relax", "state", "input", "vjp"})


def literal(value: object) -> str:
    """A number, word, flag, or a tuple of them, as Python text; nothing else may reach a script."""
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, (bool, int)) or (isinstance(value, float) and isfinite(value)):
        return repr(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    raise TypeError(f"no literal for {type(value).__name__}")


class StatementPrinter:
    """Prints the nodes of one step in order; `codegen.schedule` decides when backward calls and optimizers come.

    path: a state name -> the text that reads it from `net` (`net.hidden1.mono_forward.projection`).
    gradients: False where nothing is recorded anywhere (inference, passes that only gather).
    frozen: blocks in inference mode throughout the step.
    training: False for inference: operations that draw random numbers are not told the step.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        spelling: Spelling,
        path: Callable[[str], str],
        roots: Sequence[Value],
        *,
        gradients: bool = True,
        training: bool = True,
        frozen: Collection[str] = (),
    ) -> None:
        self.frozen = frozen
        self.nodes, self.spelling, self.path, self.gradients, self.training = nodes, spelling, path, gradients, training
        self.imports: set[str] = set()
        self.lines: list[Line] = []
        self.named: dict[str, str] = {}
        """Preferred name of each named value."""
        self.depth = 0
        self.inside: dict[int, int] = {}
        for node in walk(nodes):
            if node.body is not None:
                self.inside.update((n.index, node.index) for n in node.body.nodes)
        self.holders = _feedback_holders(nodes)
        self.counts = self._count_uses(roots)
        self.alias: dict[tuple[int, int], tuple[int, int]] = {}
        self.leaf_names: dict[tuple[int, int], str] = {}

    def _count_uses(self, roots: Sequence[Value]) -> dict[tuple[int, int], int]:
        """How often each value is printed: what a backward call absorbs does not count, its roots do."""
        counts: dict[tuple[int, int], int] = {}

        def use(value: Value) -> None:
            counts[value.key] = counts.get(value.key, 0) + 1

        for node in walk(self.nodes):
            if node.index in self.spelling.absorbed:
                continue
            analytic = node.primitive == "grad" and node.index not in self.spelling.taken_by_autograd
            for value in node.inputs[0].node.inputs if analytic else node.inputs:
                use(value)
            if node.body is not None:
                for value in node.body.results:
                    use(value)
        for segment in self.spelling.segments:
            for root in segment.roots:
                use(root.value)
                if root.cotangent is not None:
                    use(root.cotangent)
        for value in roots:
            use(value)
        return counts

    # -- expressions ------------------------------------------------------------------------------------------------

    def inlined(self, value: Value) -> bool:
        node = value.node
        if node.primitive in ALWAYS_INLINE:
            return True
        if node.primitive in NEVER_INLINE or node.name in ("error", "loss") or self.counts.get(value.key, 0) != 1:
            return False
        return node.primitive == "feedback" or not node.name

    def read(self, value: Value, *, attached: bool = False, atom: bool = False) -> str:
        """The text of a value where it is read: its name, detached unless the graph goes on, or its expression."""
        node = value.node
        if node.primitive == "cross":
            return self.read(node.inputs[0], attached=attached, atom=atom)
        if self.inlined(value):
            text, simple = self.expression(node)
            return text if simple or not atom else f"({text})"
        key = self._resolve(value.key)
        name = mark("v", f"{key[0]}.{key[1]}")
        recorded = node.primitive == "fwd" and node.index in self.spelling.recorded
        if node.primitive == "loss" and node.index in self.spelling.attached_losses:
            recorded = True
        return f"{name}.detach()" if recorded and self.gradients and not attached else name

    def _resolve(self, key: tuple[int, int]) -> tuple[int, int]:
        while key in self.alias:
            key = self.alias[key]
        return key

    def expression(self, node: Node) -> tuple[str, bool]:
        """A node's text, and whether it can stand inside a larger expression without parentheses."""
        match node.primitive:
            case "map":
                return self._map(node)
            case "feedback":
                return self._feedback(node)
            case "get":
                return self._get(node), True
            case "loss":
                return self._loss(node), True
            case "grad":
                return self._gradient(node), True
            case "sample":
                return self._sample(node), True
            case "outer":
                return self._outer(node), False
            case "solve":
                return self._solve(node), True
            case "fwd":
                return self._forward(node), True
            case _:
                raise AssertionError(f"{node.primitive} has no expression")

    def _map(self, node: Node) -> tuple[str, bool]:
        function = FUNCTIONS[str(node.attributes["function"])]
        self.imports.update(function.imports)
        if function.name in ("add", "subtract"):
            return self._sum(node, function.name)
        if function.name == "scale":
            return self._scaled(node)
        text = function.spelled(node.inputs[0].kind)
        inputs = [self.read(value, atom=text.startswith(("{0}.", "{0}["))) for value in node.inputs]
        attributes = {k: literal(v) for k, v in node.attributes.items() if k != "function"}
        return text.format(*inputs, **attributes), function.atom

    def _sum(self, node: Node, function: str) -> tuple[str, bool]:
        left, right = node.inputs
        if self.inlined(right) and (factor := _scale_of(right.node)) is not None and factor == -1.0:
            function = "subtract" if function == "add" else "add"
            right = right.node.inputs[0]
        joined = " + " if function == "add" else " - "
        return self.read(left) + joined + self.read(right, atom=function == "subtract" or _is_sum(right)), False

    def _scaled(self, node: Node) -> tuple[str, bool]:
        factor = _scale_of(node)
        inner = self.read(node.inputs[0], atom=True)
        if factor == 1.0:
            return inner, True
        return (f"-{inner}", False) if factor == -1.0 else (f"{literal(factor)} * {inner}", False)

    def _feedback(self, node: Node) -> tuple[str, bool]:
        signal, matrix = node.inputs
        error, shape = signal.kind.shape, node.outputs[0].shape
        if matrix.kind.shape == (error[-1], shape[-1]) and error[:-1] == shape[:-1]:
            return f"{self.read(signal, atom=True)} @ {self.read(matrix, atom=True)}", False
        product = f"{self._flat(signal)} @ {self.read(matrix, atom=True)}"
        return (product, False) if len(shape) == 1 else (f"({product}).unflatten(1, {shape})", True)

    def _get(self, node: Node) -> str:
        source = node.attributes["source"]
        if isinstance(source, Added):
            return self.path(source.name)
        return f"{self.path(str(source))}.detach()" if self.gradients else self.path(str(source))

    def _loss(self, node: Node) -> str:
        loss = LOSSES[str(node.attributes["loss"])]
        self.imports.update(loss.imports)
        attached = node.index in self.spelling.attached_losses
        text = loss.positions_value if loss.positions_value and len(node.inputs[0].kind.shape) > 1 else loss.value
        inputs = [self.read(v, attached=attached and i == 0) for i, v in enumerate(node.inputs)]
        return text.format(*inputs, **_literals(node, "loss"))

    def _gradient(self, node: Node) -> str:
        loss_node = node.inputs[0].node
        if node.index in self.spelling.taken_by_autograd:
            value = self.read(node.inputs[0], attached=True)
            return f"torch.autograd.grad({value}, {self.read(loss_node.inputs[0], attached=True)})[0]"
        loss = LOSSES[str(loss_node.attributes["loss"])]
        self.imports.update(loss.gradient_imports)
        return loss.gradient.format(*(self.read(v) for v in loss_node.inputs), **_literals(loss_node, "loss"))

    def _sample(self, node: Node) -> str:
        assert node.attributes["distribution"] == "wrong_label"
        self.imports.add("wrong_labels")
        key = f'f"{node.attributes["key"]}/{{step}}"'
        return f"wrong_labels({self.read(node.inputs[0])}, {literal(node.attributes['classes'])}, {key})"

    def _outer(self, node: Node) -> str:
        wide = ".double()" if node.outputs[0].dtype == "f64" else ""
        left, right = (f"{self._flat(value)}{wide}" for value in node.inputs)
        return f"{left}.T @ {right}"

    def _flat(self, value: Value) -> str:
        """A row an example."""
        text = self.read(value, atom=True)
        return text if len(value.kind.shape) == 1 else FUNCTIONS["flatten"].spelled(value.kind).format(text)

    def _solve(self, node: Node) -> str:
        self.imports.add("ridge_solution")
        products, moments, rows = (self.read(value) for value in node.inputs)
        ridge = f"{literal(node.attributes['ridge'])} * {rows}"
        return f"ridge_solution({products}, {moments}, {ridge}, free={literal(node.attributes['free'])})"

    # -- forwards ---------------------------------------------------------------------------------------------------

    def _forward(self, node: Node) -> str:
        unit = node.unit
        assert unit is not None
        streams = node.outputs[0].streams if unit.batch_coupled else 1
        texts = [self._forward_input(node, position, atom=streams > 1) for position in range(len(node.inputs))]
        options: list[str] = []
        if unit.head is not None:
            return self._head(unit, texts[0], node.inputs[0])
        if node.index in self.holders:
            options.append(f"feedback={self.path(self.holders[node.index])}")
        if unit.random and self.training and unit.block not in self.frozen:
            options.append("step=step")
        if self.training and leaves_statistics(node, self.frozen):
            options.append("again=True")
        block = mark("u", unit.name)
        if streams == 1:
            return f"{block}({', '.join([*texts, *options])})"
        # One stream must not see the statistics of another.
        chunks = [f"{text}.chunk({streams})" for text in texts]
        one, each = ("x", chunks[0]) if len(chunks) == 1 else ("*x", f"zip({', '.join(chunks)}, strict=True)")
        return f"torch.cat([{block}({', '.join([one, *options])}) for x in {each}])"

    def _forward_input(self, node: Node, position: int, *, atom: bool) -> str:
        leaf = self.leaf_names.get((node.index, position))
        if leaf is not None:
            return leaf
        return self.read(node.inputs[position], attached=(node.index, position) in self.spelling.attached, atom=atom)

    def _head(self, unit: Unit, text: str, value: Value) -> str:
        assert unit.head is not None
        axes, positions = len(value.kind.shape), len(unit.output) - 1
        flat = text if axes == positions + 1 else f"{text}.flatten({positions + 1})" if axes else f"{text}.unsqueeze(1)"
        return f"F.linear({flat}, {self.path(unit.head.name)})"

    # -- statements -------------------------------------------------------------------------------------------------

    def add(
        self, text: str, node: Node | None = None, *, writes: Sequence[str] = (), quiet: bool = False, block: str = ""
    ) -> Line:
        line = Line(
            text,
            block or (node.block if node is not None else ""),
            tuple(writes),
            self.depth,
            quiet=quiet and self.gradients,
        )
        self.lines.append(line)
        return line

    def name(self, value: Value, preferred: str) -> str:
        key = f"{value.key[0]}.{value.key[1]}"
        self.named[key] = preferred
        return key

    def statement(self, node: Node) -> None:
        """Print one node, unless it is printed where it is read, absorbed by a backward call, or printed at the end."""
        if node.index in self.spelling.absorbed or node.primitive in ("cross", "record", "update", "put", "get"):
            return
        if node.primitive == "input":
            self.name(Value(node, 0, SILENT), str(node.attributes["source"]))
        elif node.primitive == "relax":
            self._relax(node)
        elif node.primitive == "vjp":
            self._explicit(node)
        else:
            self._assign(node)

    def _assign(self, node: Node) -> None:
        value = Value(node, 0, SILENT)
        if self.inlined(value) or (not self.counts.get(value.key) and node.primitive != "fwd"):
            return
        recorded = node.index in self.spelling.recorded
        if recorded and node.index in self.spelling.leaves:
            self._make_leaves(node)
        text, _ = self.expression(node)
        unit = node.unit
        quiet = node.primitive == "fwd" and not recorded and unit is not None and (unit.size > 0 or not unit.part)
        if not self.counts.get(value.key):
            self.add(text, node, quiet=quiet)
            return
        key = self.name(value, self._preferred(node))
        line = self.add(f"{mark('v', key)} = {text}", node, writes=[key], quiet=quiet)
        line.recorded = recorded or node.index in self.spelling.attached_losses

    def _preferred(self, node: Node) -> str:
        if node.primitive == "fwd" and node.unit is not None:
            return "scores" if node.unit.head is not None else node.name
        if node.primitive == "loss":
            return "loss"
        return node.name or {"sample": "drawn", "feedback": "signal", "solve": "solution"}.get(node.primitive, "value")

    def _make_leaves(self, node: Node) -> None:
        """A forward whose input gradient is asked for as a number starts at a leaf of its own."""
        for position in self.spelling.leaves[node.index]:
            value = node.inputs[position]
            key = f"{node.index}.in{position}"
            self.named[key] = f"{value.node.name or (value.node.unit.name if value.node.unit else 'value')}_leaf"
            self.add(
                f"{mark('v', key)} = {self.read(value)}.detach().requires_grad_()".replace(
                    ".detach().detach()", ".detach()"
                ),
                node,
                writes=[key],
            )
            self.leaf_names[node.index, position] = mark("v", key)

    def _explicit(self, node: Node) -> None:
        """One `torch.autograd.grad`: input cotangents as numbers."""
        forward = node.inputs[0].node
        asked = [p for p in range(1, len(node.outputs)) if self.counts.get((node.index, p))]
        if not asked:
            return
        key = self._resolve(node.inputs[0].key)
        output = mark("v", f"{key[0]}.{key[1]}")
        leaves = ", ".join(self.leaf_names[forward.index, p - 1] for p in asked)
        repeated = node.index in self.inside and forward.index not in self.inside
        again = repeated or self.spelling.pulls[forward.index] > 1 or forward.index in self.spelling.learning
        retain = ", retain_graph=True" if again else ""
        keys = [self.name(Value(node, p, SILENT), "pull") for p in asked]
        targets = ", ".join(mark("v", key) for key in keys)
        wanted, first = (f"({leaves})", "") if len(asked) > 1 else (leaves, "[0]")
        call = f"torch.autograd.grad({output}, {wanted}, {self.read(node.inputs[1])}{retain}){first}"
        self.add(f"{targets} = {call}", node, writes=keys)

    def _relax(self, node: Node) -> None:
        body = node.body
        assert body is not None
        for initial, state in zip(node.inputs, body.states, strict=True):
            key = self.name(state, state.node.name)
            self.add(f"{mark('v', key)} = {self.read(initial)}", node, writes=[key])
        self.add(f"for _ in range({literal(node.attributes['count'])}):", node).opens = True
        self.depth += 1
        for inner in body.nodes:
            self.statement(inner)
        keys = [f"{s.key[0]}.{s.key[1]}" for s in body.states]
        texts = [self.read(result) for result in body.results]
        if len(keys) == 1:
            self.add(f"{mark('v', keys[0])} = {texts[0]}", node, writes=keys)
        else:
            together = any(mark("v", key) in text for i, text in enumerate(texts) for key in keys[:i])
            if together:
                self.add(f"{', '.join(mark('v', k) for k in keys)} = {', '.join(texts)}", node, writes=keys)
            else:
                for key, text in zip(keys, texts, strict=True):
                    self.add(f"{mark('v', key)} = {text}", node, writes=[key])
        self.depth -= 1
        for port, state in enumerate(body.states):
            self.alias[node.index, port] = state.key

    # -- backward calls and writes ----------------------------------------------------------------------------------

    def backward(self, segments: Sequence[Segment], listed: str | None, learning: Sequence[str] = ()) -> Line:
        """One backward call for some segments. `listed`: the name of a list of all their losses, where there is one.

        `learning`: where gradients pass blocks that do not learn here, the parameters that do; others get no gradient.
        """
        only = f"inputs=[{', '.join(self.path(name) for name in learning)}]" if learning else ""
        roots = [root for segment in segments for root in segment.roots]
        losses = [root for root in roots if root.cotangent is None]
        given = [root for root in roots if root.cotangent is not None]
        if not given:
            texts = [self.read(root.value, attached=True) for root in losses]
            if listed is not None or len(losses) > 1:
                return self.add(
                    f"torch.autograd.backward({listed or '[' + ', '.join(texts) + ']'}{', ' * bool(only)}{only})"
                )
            return self.add(f"{texts[0]}.backward({only})")
        ordered = sorted(roots, key=lambda root: root.value.key)
        values = ", ".join(self.read(root.value, attached=True) for root in ordered)
        cotangents = ", ".join(self._cotangent(root) for root in ordered)
        return self.add(f"torch.autograd.backward([{values}], [{cotangents}]{', ' * bool(only)}{only})")

    def _cotangent(self, root: Root) -> str:
        return "None" if root.cotangent is None else self.read(root.cotangent)

    def write(self, node: Node) -> None:
        """A `put`: buffers in place; sums gathered over a pass grow in place."""
        target = node.attributes["target"]
        place = self.path(target.name if isinstance(target, Added) else str(target))
        value = node.inputs[0]
        if value.node.primitive == "map" and value.node.attributes["function"] == "add" and self.inlined(value):
            held, more = value.node.inputs
            if held.node.primitive == "get" and held.node.attributes["source"] == target:
                self.add(f"{place} += {self.read(more)}", node, block=node.block)
                return
        self.add(f"{place}.copy_({self.read(value)})", node, block=node.block)


def _feedback_holders(nodes: Sequence[Node]) -> dict[int, str]:
    """Of forwards whose vjp goes through feedback: where the matrices are, `hidden2.RULE`."""
    found: dict[int, str] = {}
    for node in walk(nodes):
        via = node.attributes.get("via")
        if node.primitive == "vjp" and isinstance(via, Mapping) and via:
            found[node.inputs[0].node.index] = next(iter(via.values())).name.rpartition(".")[0]
    return found


def _literals(node: Node, but: str) -> dict[str, str]:
    return {name: literal(value) for name, value in node.attributes.items() if name != but}


def _scale_of(node: Node) -> float | None:
    if node.primitive == "map" and node.attributes["function"] == "scale":
        factor = node.attributes["factor"]
        assert isinstance(factor, float)
        return factor
    return None


def _is_sum(value: Value) -> bool:
    return value.node.primitive == "map" and value.node.attributes["function"] in ("add", "subtract")
