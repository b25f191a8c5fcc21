"""Training steps of multilayer perceptrons in plain torch, written by hand: the speed that a generated script has to reach.

One file a rule. Each class takes the widths of the network, `[inputs, hidden ..., classes]`, holds its parameters, and
has `step(x, y)` for x: [batch, inputs] and y: [batch], integer labels. A step does all the work of a generated script's
step for the same program (ReLU blocks, a linear readout, cross-entropy, Adam at 1e-3) and nothing else.
Gradients are autograd's; what is chosen by hand is where graphs are cut, when backward runs, and how Adam is called.
"""
