"""Random programs that are sound by construction: chains, functions, sums, several inputs, lets, searches, variants."""

from __future__ import annotations

from hypothesis import strategies as st

WIDTHS = st.integers(2, 9)
ACTIVATIONS = st.sampled_from(["relu", "tanh", "gelu", "leaky_relu(0.2)", "sigmoid", "silu"])


@st.composite
def functions(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Some functions that keep the width of their tensor, and calls of them."""
    lines = ["def join(x, y = x, k = size(y)) = add(x, x -> linear(k), mul(y, y))\n"]
    calls: list[str] = []
    for number in range(draw(st.integers(0, 3))):
        name = f"f{number}"
        inner = draw(st.sampled_from([*calls, "layer_norm", "relu", "linear(size(x))"]))
        body = draw(
            st.sampled_from(
                [
                    f"x -> {inner}",
                    f"x + (x -> {inner})",
                    f"(x + (x -> {inner} -> scale(k))) -> relu",
                    f"x -> {inner} -> {inner}",
                    f"add(x, x -> {inner}, mul(x, x))",
                    f"x -> {inner} -> join(x)",
                    f"x -> tanh -> join(x -> {inner}, size(x))",
                    f"x + (x -> relu -> join(k = size(x)) -> {inner})",
                ]
            )
        )
        lines.append(f"def {name}(x, k = {draw(st.integers(1, 3))}) = {body}\n")
        calls.append(draw(st.sampled_from([name, f"{name}(2)", f"{name}(k = 3)"])))
    # A default that only some bodies use is a warning, never an error.
    return "".join(lines), calls


@st.composite
def pipelines(draw: st.DrawFn, calls: list[str], width: str | None = None) -> str:
    """What one block puts its input through; gives `width` numbers where that is asked for."""
    stages = ["flatten"]
    for _ in range(draw(st.integers(0, 3))):
        linear = f"linear({draw(WIDTHS)})"
        stages.append(draw(st.sampled_from([linear, "linear(width)", "linear(2 * width - 1)", "layer_norm", *calls])))
        if draw(st.booleans()):
            stages.append(draw(ACTIVATIONS))
    if width is not None:
        stages.append(f"linear({width})")
    return " -> ".join(stages)


@st.composite
def programs(draw: st.DrawFn) -> str:
    """A whole program."""
    defined, calls = draw(functions())
    value = draw(st.sampled_from(["4", "2 + 3", "8 / 2", "search(2, 16, log)", "search(3, 5, 7)", "-(-6)"]))
    lines = ["network drawn\n", f"let width = {value}\n", defined]
    data = draw(st.sampled_from(["digits(validation = 20%)", "synthetic(validation = 10)"]))
    types = (": f32[1, 8, 8]", ": class[10]") if data.startswith("synthetic") else ("", "")
    lines.append(f"data image{types[0]}, label{types[1]} = {data}\n")
    names = ["image"]
    for number in range(draw(st.integers(1, 4))):
        source = draw(st.sampled_from(names))
        name = f"b{number}"
        shape = draw(st.sampled_from(["block", "chain", "sum", "join", "name"]))
        if shape == "chain":
            length = draw(st.integers(1, 4))
            lines.append(f"block {name}[{length}] = {source} -> {draw(pipelines(calls))}\n")
            names.append(f"{name}[{draw(st.integers(1, length))}]")
        elif shape == "sum":
            parts = [
                f"({draw(st.sampled_from(names))} -> {draw(pipelines(calls, '5'))})"
                for _ in range(draw(st.integers(2, 3)))
            ]
            lines.append(f"block {name} = {' + '.join(parts)}\n")
        elif shape == "join":
            other = draw(st.sampled_from(names))
            lines.append(f"block {name} = concat({source} -> flatten, {other} -> {draw(pipelines(calls))})\n")
        elif shape == "name":
            lines.append(f"block {name} = {source}\n")
        else:
            lines.append(f"block {name} = {source} -> {draw(pipelines(calls))}\n")
        names.append(name)
    lines.append(f"block readout = {names[-1]} -> flatten -> linear(classes(label))\n")
    lines.append("objective cross_entropy(readout, label)\n")
    lines.append(draw(st.sampled_from(["learn all with mono_forward\n", "learn rest with backprop(lr = 0.5)\n", ""])))
    schedule = draw(st.sampled_from(["", ", schedule = cosine, warmup = 2", ", schedule = step(every = 3)"]))
    optimizer = draw(st.sampled_from(["", ", optimizer = sgd(0.1, momentum = 0.9)", ", optimizer = adamw"]))
    lines.append(
        f"train epochs = 5, batch = {draw(st.sampled_from(['8', 'all', 'search(8, 16)']))}{schedule}{optimizer}\n"
    )
    lines.append(draw(st.sampled_from(["", "measure energy, flops, carbon(intensity = 100)\n"])))
    lines.append(
        draw(
            st.sampled_from(
                ["", "place stages = 2\n", "place stages = 2, balance = memory\nplace readout on stage 2\n"]
            )
        )
    )
    lines.append(
        "variant other { let width = 3 learn readout with backprop(optimizer = sgd(0.1)) train steps = 7 measure memory }\n"
    )
    return "".join(lines)
