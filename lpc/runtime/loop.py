"""The training protocol: phases, passes over the data, batches, validation, patience."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import closing
from typing import Any

import torch
from torch import Tensor

from lpc.runtime.checkpoint import state
from lpc.runtime.data import Part, batches
from lpc.runtime.failure import Failure
from lpc.runtime.progress import Progress, note
from lpc.runtime.random import RANDOM
from lpc.runtime.results import append_log
from lpc.runtime.run import Run


def train(run: Run) -> None:
    """What is left of all phases, or up to a signal; leaves each phase's network in its best epoch, if one is watched for."""
    while run.length:
        train_phase(run)
        if run.signals:
            return
        if run.best:
            run.net.load_state_dict(run.best)
        if run.phase + 1 == len(run.task.phases):
            return
        run.phase, run.step, run.best, run.optimizers = run.phase + 1, 0, None, {}


def train_phase(run: Run) -> None:
    """Passes over the data; after each come validation, a line in the log, and a checkpoint."""
    phase, part = run.now, run.splits.train
    run.net.zero_grad()
    run.optimizers = run.optimizers or phase.optimizers(run.net)
    rates = [(group, group["lr"]) for optimizer in run.optimizers.values() for group in optimizer.param_groups]
    if phase.part and run.step < run.length:
        run.clock.enter("train")
        run.net.eval()
        with torch.no_grad(), run.precision():
            part = phase.part(run.net, part, run.size)
    with closing(Progress(run.options.quiet, f"{run.task.program} {phase.name}", run.length, run.step)) as progress:
        while run.step < run.length and not run.out_of_patience(phase) and not run.signals:
            run.clock.enter("train")
            train_epoch(run, part, rates, progress)
            if run.step == run.length and phase.finish:
                phase.finish(run.net)
            whole = run.step % run.per_epoch == 0 or run.step == run.length
            if whole:
                progress.epoch(end_epoch(run))
            else:
                run.clock.enter("checkpoint")
            if run.signals:
                run.clock.close()
            if whole or not phase.passes:  # sums are not saved: a pass that gathers them starts again
                run.save()


def train_epoch(run: Run, part: Part, rates: list[tuple[dict[str, Any], float]], progress: Progress) -> None:
    """The steps of a pass that are left, or those up to a signal. Losses are looked at in the end, or every 1000 steps."""
    task, phase, per_epoch, length = run.task, run.now, run.per_epoch, run.length
    epoch, row = divmod(run.step, per_epoch)
    order = RANDOM.permutation(f"order/{epoch}", len(part[0])) if task.batch else None
    label = task.label if phase.label is None else phase.label
    losses = torch.zeros(per_epoch, len(phase.columns), device=run.device)
    if row:
        losses[:row] = run.losses[:row]
    else:
        run.right, run.judged = torch.zeros((), dtype=torch.int64, device=run.device), 0
    run.losses, looked = losses, row
    phase.mode(run.net)
    for batch in batches(part, order, run.size, row):
        if task.rate:
            factor = task.rate(run.step, per_epoch)
            for group, rate in rates:
                group["lr"] = rate * factor
        inputs = task.augment(batch, run.step) if task.augment else batch
        with run.precision():
            losses[row], scores = phase.step(run.net, run.optimizers, *inputs, run.step)
        if scores is not None and label is not None:
            run.right += (scores.argmax(-1) == batch[label]).sum()
            run.judged += batch[label].numel()
        row, run.step = row + 1, run.step + 1
        progress.step()
        last = run.step == length or bool(run.signals)
        if last or row in {per_epoch, looked + 1000}:
            check_finite(run, losses[looked:row], run.step - row + looked)
            looked = row
        if last:
            break


def check_finite(run: Run, losses: Tensor, first: int) -> None:
    """Stop at the first loss that is NaN or infinite, or at such a parameter; the rows are those of steps from `first` on."""
    finite = losses.isfinite()
    if not finite.all():
        row = int(finite.all(1).int().argmin())
        column = int(finite[row].int().argmin())
        raise Failure(f"the loss is {losses[row, column]} at step {first + row} {run.place(run.now.columns[column])}")
    tensors = run.net.state_dict()  # none, where no block has parameters
    if tensors and not torch.stack([tensor.isfinite().all() for tensor in tensors.values()]).all():
        name = next(name for name, tensor in tensors.items() if not tensor.isfinite().all())
        raise Failure(f"{name} is not finite after step {run.step - 1} {run.place(name.partition('.')[0])}")


def end_epoch(run: Run) -> dict[str, Any]:
    """Judge the network after a pass: its line in the log, and whether it is the best so far."""
    phase, epoch = run.now, math.ceil(run.step / run.per_epoch)
    run.clock.enter("validate")
    loss, accuracy = evaluate(run, phase.score or run.task.score, run.splits.validation)
    run.clock.enter("checkpoint")  # the log too is no part of training
    rows = run.step - (epoch - 1) * run.per_epoch
    sizes = torch.full((rows, 1), run.size, dtype=torch.float64)
    sizes[-1] = min(run.size, len(run.splits.train[0]) - (rows - 1) * run.size)
    means = ((run.losses[:rows].double().cpu() * sizes).sum(0) / sizes.sum()).tolist()
    blocks = dict(zip(phase.columns, means, strict=True))
    record = {
        "phase": phase.name,
        "epoch": epoch,
        "step": run.step,
        "seconds": sum(run.clock.seconds().values()),
        "train/loss": blocks.get(run.task.output),
        "train/accuracy": int(run.right) / run.judged if run.judged else None,
        "validation/loss": loss,
        "validation/accuracy": accuracy,
        "joules": run.clock.joules(),
        **{f"block/{block}/loss": mean for block, mean in blocks.items()},
    }
    run.history.append(record)
    append_log(run.options.out, record)
    if run.best_epoch(phase) == epoch:
        run.best = {name: tensor.clone() for name, tensor in state(run.net).items()}
    if epoch == 2 and (still := unmoved(run, run.records(phase)[0], blocks)):
        note(f"the loss of {', '.join(still)} does not move")
    return record


def unmoved(run: Run, before: dict[str, Any], losses: dict[str, float]) -> list[str]:
    """Blocks that have something to train, and the same loss as in the record before."""
    trained = {name.partition(".")[0] for name in state(run.net)}
    same = (block for block, loss in losses.items() if abs(loss - before[f"block/{block}/loss"]) <= 1e-6 * abs(loss))
    return [block for block in same if block in trained]


@torch.no_grad()
def evaluate(run: Run, score: Callable[..., Any], part: Part | None) -> tuple[float | None, float | None]:
    """Mean loss, and the share of right predictions where the target is a class; Nones without a part."""
    loss, right, judged = torch.zeros((), dtype=torch.float64, device=run.device), None, 0
    run.net.eval()
    for batch in batches(part, None, max(run.size, 256)) if part else ():
        with run.precision():
            mean, hits = score(run.net, *batch)
        loss += mean.double() * len(batch[0])
        if hits is not None and run.task.label is not None:
            right = hits if right is None else right + hits
            judged += batch[run.task.label].numel()
    if not loss.isfinite():
        raise Failure(f"the loss without training is {loss.item()} after step {run.step - 1}")
    return loss.item() / len(part[0]) if part else None, None if right is None else int(right) / judged
