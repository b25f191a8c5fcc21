"""Inputs with mean 0 and deviation 1."""

from __future__ import annotations

from lpc.runtime.data import Splits


def standardised(splits: Splits, which: tuple[int, ...]) -> Splits:
    """Less the training part's mean and over its deviation, by channel or feature, for the tensors that `which` lists.

    What is constant there is only centred.
    """
    facts, parts = dict(splits.facts, mean=[], deviation=[]), [splits.train, splits.validation, splits.test]
    for i in which:
        train = splits.train[i].double()
        axes = [axis for axis in range(train.dim()) if axis != 1]
        mean, deviation = train.mean(axes, keepdim=True), train.std(axes, correction=0, keepdim=True)
        deviation[deviation == 0] = 1.0
        facts["mean"].append(mean.flatten().tolist())
        facts["deviation"].append(deviation.flatten().tolist())
        for k, part in enumerate(parts):
            if part:
                scaled = (part[i] - mean.to(part[i])) / deviation.to(part[i])
                parts[k] = (*part[:i], scaled, *part[i + 1 :])
    train_part, validation, test = parts
    return Splits(train_part or (), validation, test, facts)
