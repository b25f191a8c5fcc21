"""Forward-Forward: high goodness on images with their label, low goodness on images with a wrong one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lpc.ir.step import Value
from lpc.rules.rule import Illegal, Law, Phase, Rule, parameter
from lpc.rules.run import Run, RunBlock
from lpc.rules.tracer import Recorder

HINTON = "Hinton 2022, arXiv 2212.13345"


@dataclass(frozen=True)
class ForwardForward(Rule):
    name = "forward_forward"
    title = "Forward-Forward"
    summary = "Each block learns to be active on inputs that carry their true label, and quiet on inputs that carry a wrong one."
    paper = "Hinton 2022, The Forward-Forward Algorithm: Some Preliminary Investigations, arXiv 2212.13345"
    example = "learn all with forward_forward(threshold = 2.0)"
    local = True
    needs_label = True
    usual_rate = (1e-4, 3e-2)
    laws = (
        Law(
            "the next block sees no length",
            "Scaling a block's output by a positive constant changes nothing above it.",
            "invariance",
            "any network, up to the normaliser's 1e-8",
            HINTON,
        ),
        Law(
            "prediction does not depend on the threshold",
            "The label with most goodness is the same for every threshold.",
            "invariance",
            "predict = sweep",
            "the step",
        ),
        Law(
            "merged = separate streams",
            "One batch of both streams gives the mean of two batches' gradients.",
            "exact",
            "no operation couples the batch",
            "linearity",
        ),
    )

    goodness: str = parameter(
        "mean", "mean or sum of squared activations", source="Hinton 2022 (sum); mean is common", words=("mean", "sum")
    )
    threshold: float | None = parameter(
        None,
        "goodness at which the loss is neutral; by default 2.0, with `goodness = sum` the block's width",
        source=HINTON,
        kind="float",
        least=0.0,
    )
    predict: str = parameter(
        "sweep",
        "predict by trying every label, or by the output block trained on a pass with a neutral label",
        source=HINTON,
        words=("sweep", "head"),
    )

    def illegal(self, run: Run) -> Iterator[Illegal]:
        for block in run.hidden:
            for name in block.inputs:
                if name not in run.network.data and name not in {b.name for b in run}:
                    reason = f"it reads `{name}`, which learns by another rule and would show it no label"
                    yield Illegal(
                        block.name, reason, f"learn `{name}` with {self.name} too, so that the run starts at the data"
                    )
                elif name in run.network.data and not _is_numbers(run, name):
                    reason = f"the label is written into the input, and `{name}` holds tokens"
                    yield Illegal(block.name, reason, "use an input of numbers, or another rule")
                elif name in run.network.data and _elements(run, name) < run.outputs:
                    reason = f"the label is written into the input, and `{name}` has fewer entries than there are classes ({run.outputs})"
                    yield Illegal(block.name, reason, "use an input with at least as many entries as classes")
        if run.outputs == 1:
            yield Illegal(
                run.blocks[0].name, "with one class there is no wrong label", "use a target with two classes or more"
            )
        if not run.hidden:
            yield Illegal(
                run.blocks[0].name,
                "the output block alone has no goodness to train",
                "learn a hidden block with it too",
            )

    def notes(self, run: Run) -> Iterator[str]:
        if run.output is not None and self.predict == "sweep":
            yield f"prediction tries every label, so `{run.output}` is neither run nor trained"

    def step(self, s: Recorder, run: Run, phase: Phase) -> None:
        label, classes = s.target, run.outputs
        wrong = s.sample("wrong_label", label, "wrong_label", classes=classes)
        streams: dict[str, Value] = {}
        for block in run.hidden:
            for name in block.inputs:
                if name not in streams:
                    both = s.map("label_streams", s.value_of(name), label, wrong, classes=classes)
                    streams[name] = s.map("normalise", both, name=f"{name}_streams")
            h = s.fwd(block, *(streams[name] for name in block.inputs))
            loss = s.loss("goodness", h, of=block, goodness=self.goodness, threshold=self._threshold(block))
            gradients, _ = s.vjp(h, s.grad(loss, h))
            s.update(block, gradients)
            streams[block.name] = s.map("normalise", h, name=f"{block.name}_streams")
        self._neutral_pass(s, run)
        if run.output is not None and self.predict == "head":
            out = s.fwd(run.output)
            gradients, _ = s.vjp(out, s.grad(s.objective(out, of=run.output), out))
            s.update(run.output, gradients)

    def infer(self, s: Recorder, run: Run) -> Value | None:
        if run.output is None or self.predict == "head":
            self._neutral_pass(s, run)
            return s.fwd(run.output) if run.output is not None else None
        counted = run.hidden[1:] or run.hidden
        streams: dict[str, Value] = {}
        total: Value | None = None
        for block in run.hidden:
            for name in block.inputs:
                if name not in streams:
                    streams[name] = s.map("normalise", s.map("sweep_labels", s.value_of(name), classes=run.outputs))
            h = s.fwd(block, *(streams[name] for name in block.inputs))
            streams[block.name] = s.map("normalise", h)
            if block in counted:
                goodness = s.map("goodness", h, name="height", kind=self.goodness)
                total = goodness if total is None else s.map("add", total, goodness, name="total")
        assert total is not None
        return s.map("fold_sweep", total, classes=run.outputs)

    def _neutral_pass(self, s: Recorder, run: Run) -> None:
        """What other rules' blocks see: activations on an input that carries every label a little."""
        seen: dict[str, Value] = {}
        for block in run.hidden:
            for name in block.inputs:
                if name not in seen:
                    seen[name] = s.map("normalise", s.map("write_neutral_label", s.value_of(name), classes=run.outputs))
            seen[block.name] = s.map("normalise", s.fwd(block, *(seen[name] for name in block.inputs)), name=block.name)
        for block in run.hidden:
            s.give(block, seen[block.name])

    def _threshold(self, block: RunBlock) -> float:
        if self.threshold is not None:
            return float(self.threshold)
        return 2.0 if self.goodness == "mean" else float(block.width)


def _is_numbers(run: Run, name: str) -> bool:
    return getattr(run.network.type_of(name), "dtype", "") == "f32"


def _elements(run: Run, name: str) -> int:
    size: int = getattr(run.network.type_of(name), "size", 0)
    return size
