"""The programs that `lpc new` writes."""

from __future__ import annotations

DIGITS = """\
# Two hidden blocks that learn locally to read handwritten digits, which come with scikit-learn: nothing is downloaded.
# `lpc run {name}.lp` trains them, `lpc run {name}.lp --variant backprop` trains the same network by backpropagation.
network {name}

data image, label = digits(validation = 20%)

block hidden1 = image   -> flatten -> linear(256) -> relu
block hidden2 = hidden1 -> linear(256) -> relu
block readout = hidden2 -> linear(classes(label))

objective cross_entropy(readout, label)

learn all with mono_forward

train epochs = 20, batch = 64, optimizer = adam(lr = 1e-3), seed = 1
measure energy, memory, flops

variant backprop {{ learn all with backprop }}
"""

TABLE = """\
# {facts}
network {name}

data {bindings} = csv({arguments})

block hidden1 = {features} -> linear({width}) -> relu
block hidden2 = hidden1 -> linear({width}) -> relu
block readout = hidden2 -> linear({outputs})

objective {loss}(readout, {target})

learn all with mono_forward

train epochs = 100, batch = {batch}, optimizer = adam(lr = 1e-3), patience = 10, seed = 1
measure energy, memory

variant backprop {{ learn all with backprop }}
"""
