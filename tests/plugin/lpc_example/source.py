"""The data source `moons`, as lpc sees it: what it takes and gives, and who reads it."""

from __future__ import annotations

from lpc.ir.types import Label, Tensor
from lpc.passes.data_source import TEST, VALIDATION, DataSource
from lpc.passes.signatures import Parameter

MOONS = DataSource(
    name="moons",
    summary="points of the plane on two half circles that reach into each other, and which of the two they are on",
    parameters=(
        Parameter("examples", "int", 1000, least=2, most=2**31 - 1, summary="how many"),
        Parameter("noise", "float", 0.1, least=0, summary="standard deviation of what is added to each coordinate"),
        Parameter("seed", "int", 1, least=0, most=2**63 - 1, summary="of the noise"),
        VALIDATION,
        TEST,
    ),
    types=lambda _arguments: (Tensor((2,)), Label(2)),
    reader="lpc_example.moons:moons",
    example="data x, y = moons(noise = 0.2, validation = 20%)",
)
