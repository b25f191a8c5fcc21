"""The program that the examples of syntax errors are made from."""

SOUND = """network a
let width = 16
data x, y = digits(validation = 20%)
block b = x -> flatten -> linear(width) -> relu -> linear(10)
objective cross_entropy(b, y)
learn all with backprop
train epochs = 1, batch = 32
"""
"""A program without mistakes."""
