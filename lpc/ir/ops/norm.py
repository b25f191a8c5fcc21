"""Normalisations. Their weights start at 1, their biases at 0."""

from __future__ import annotations

from lpc.ir.op import Argument, Arguments, Inputs, Law, Misfit, Operation, Weight
from lpc.ir.ops.fit import channels_first, features, number, whole
from lpc.ir.ops.spelling import literal, spell
from lpc.ir.types import Tensor

ONE = Law("constant", 1.0)
ZERO = Law("constant", 0.0)

# Operations a number. Forward: mean 1, variance 3, standardising 2, weight and bias 2; a root mean square takes 2, 1 and 1.
# Gradient for the input, from the standardised input: two means (3), the difference (4), weight and deviation (2).
# Gradient for weight and bias: product and two sums.
NORM, ROOT_MEAN_SQUARE, INPUT_PULL, WEIGHT_PULL = 8, 4, 9, 3


def _epsilon(default: float) -> Argument:
    return Argument("epsilon", "float", "added to the variance before the root is taken", default=default, least=0)


def _affine(size: int) -> tuple[Weight, ...]:
    return Weight("weight", (size,), ONE), Weight("bias", (size,), ZERO)


# -- batch_norm ---------------------------------------------------------------------------------------------------


def _batch_infer(inputs: Inputs, arguments: Arguments) -> Tensor:
    number(arguments, "epsilon")
    if number(arguments, "momentum") > 1:
        raise Misfit(f"needs a momentum of at most 1, found {arguments['momentum']}")
    return channels_first(inputs)


def _batch_weights(inputs: Inputs, _arguments: Arguments) -> tuple[Weight, ...]:
    channels = channels_first(inputs).shape[0]
    return (
        *_affine(channels),
        Weight("running_mean", (channels,), ZERO, trained=False),
        Weight("running_var", (channels,), ONE, trained=False),
        Weight("num_batches_tracked", (), ZERO, trained=False, dtype="i64"),
    )


def _batch_module(inputs: Inputs, arguments: Arguments) -> str:
    shape = channels_first(inputs).shape
    epsilon, momentum = (number(arguments, "epsilon"), 1e-5), (number(arguments, "momentum"), 0.1)
    module = "nn.BatchNorm1d" if len(shape) == 1 else "nn.BatchNorm2d"
    return spell(module, [literal(shape[0])], eps=epsilon, momentum=momentum)


BATCH_NORM = Operation(
    name="batch_norm",
    summary="each channel standardised over the batch, then scaled and shifted; prediction uses running statistics",
    arguments=(
        Argument("momentum", "float", "share of the new batch in the running statistics", default=0.1, least=0),
        _epsilon(1e-5),
    ),
    infer=_batch_infer,
    weights=_batch_weights,
    flops=lambda _inputs, output, _arguments: NORM * output.size,
    weight_pull_flops=lambda _inputs, output, _arguments: WEIGHT_PULL * output.size,
    input_pull_flops=lambda _inputs, output, _arguments: INPUT_PULL * output.size,
    module=_batch_module,
    call=lambda _inputs, _arguments: "{self}({0})",
    again_call=lambda _inputs, _arguments: "batch_norm_again({self}, {0})",
    again_imports=("batch_norm_again",),
    batch_coupled=True,
    example="image -> conv(32, kernel = 3) -> batch_norm -> relu",
)


# -- layer_norm, rms_norm -----------------------------------------------------------------------------------------


def _rms_infer(inputs: Inputs, arguments: Arguments) -> Tensor:
    number(arguments, "epsilon")
    return features(inputs)


def _layer_infer(inputs: Inputs, arguments: Arguments) -> Tensor:
    found = _rms_infer(inputs, arguments)
    if found.shape[-1] == 1:
        raise Misfit(f"needs more than one feature, found {found}: one number less its mean is always 0")
    return found


LAYER_NORM = Operation(
    name="layer_norm",
    summary="each example, or each position, standardised over its features, then scaled and shifted",
    arguments=(_epsilon(1e-5),),
    infer=_layer_infer,
    weights=lambda inputs, _arguments: _affine(features(inputs).shape[-1]),
    flops=lambda _inputs, output, _arguments: NORM * output.size,
    weight_pull_flops=lambda _inputs, output, _arguments: WEIGHT_PULL * output.size,
    input_pull_flops=lambda _inputs, output, _arguments: INPUT_PULL * output.size,
    module=lambda inputs, arguments: spell(
        "nn.LayerNorm", [literal(features(inputs).shape[-1])], eps=(number(arguments, "epsilon"), 1e-5)
    ),
    call=lambda _inputs, _arguments: "{self}({0})",
    example="tokens -> embedding(64) -> layer_norm -> linear(64)",
)

RMS_NORM = Operation(
    name="rms_norm",
    summary="each example, or each position, divided by the root mean square of its features, then scaled",
    # torch's own default is the machine epsilon of whatever precision it runs in: two precisions, two networks.
    arguments=(
        Argument("epsilon", "float", "added to the mean square before the root is taken", default=1e-6, least=0),
    ),
    infer=_rms_infer,
    weights=lambda inputs, _arguments: (Weight("weight", (features(inputs).shape[-1],), ONE),),
    flops=lambda _inputs, output, _arguments: ROOT_MEAN_SQUARE * output.size,
    weight_pull_flops=lambda _inputs, output, _arguments: 2 * output.size,
    input_pull_flops=lambda _inputs, output, _arguments: (INPUT_PULL - 2) * output.size,
    module=lambda inputs, arguments: spell(
        "nn.RMSNorm", [literal(features(inputs).shape[-1])], eps=(number(arguments, "epsilon"), None)
    ),
    call=lambda _inputs, _arguments: "{self}({0})",
    example="tokens -> embedding(64) -> rms_norm -> linear(64)",
)


# -- group_norm ---------------------------------------------------------------------------------------------------


def _group_infer(inputs: Inputs, arguments: Arguments) -> Tensor:
    number(arguments, "epsilon")
    found, groups = channels_first(inputs), whole(arguments, "groups")
    if found.shape[0] % groups:
        raise Misfit(f"cannot part {found.shape[0]} channels into {groups} equal groups")
    if found.size == groups:
        raise Misfit(f"needs more than one number in a group, found {found} in {groups} groups: each would become 0")
    return found


def _group_module(inputs: Inputs, arguments: Arguments) -> str:
    sizes = literal(whole(arguments, "groups")), literal(channels_first(inputs).shape[0])
    return spell("nn.GroupNorm", sizes, eps=(number(arguments, "epsilon"), 1e-5))


GROUP_NORM = Operation(
    name="group_norm",
    summary="groups of channels standardised within each example, then each channel scaled and shifted",
    arguments=(Argument("groups", "int", "how many groups; 1 standardises the whole image", least=1), _epsilon(1e-5)),
    infer=_group_infer,
    weights=lambda inputs, _arguments: _affine(channels_first(inputs).shape[0]),
    flops=lambda _inputs, output, _arguments: NORM * output.size,
    weight_pull_flops=lambda _inputs, output, _arguments: WEIGHT_PULL * output.size,
    input_pull_flops=lambda _inputs, output, _arguments: INPUT_PULL * output.size,
    module=_group_module,
    call=lambda _inputs, _arguments: "{self}({0})",
    example="image -> conv(32, kernel = 3) -> group_norm(8) -> relu",
)

ENTRIES = (BATCH_NORM, LAYER_NORM, GROUP_NORM, RMS_NORM)
