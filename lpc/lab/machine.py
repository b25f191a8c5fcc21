"""What this machine can train on and measure with, and where it cannot, why not and what would help: `lpc env`."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lpc.runtime.counter import EnergyCounter
from lpc.runtime.rapl import POWERCAP, open_rapl

PACKAGES = {
    "numpy": "reads data",
    "scikit-learn": "holds the data set digits",
    "nvidia-ml-py": "measures NVIDIA boards",
    "tqdm": "draws the progress bar",
}
"""Distributions a script can use beside torch, and for what."""


@dataclass(frozen=True)
class Device:
    """Something to train on: `name` as `--device` takes it. Where it cannot be used, `why` not and the `cure`."""

    name: str
    model: str
    usable: bool = True
    why: str = ""
    cure: str = ""


@dataclass(frozen=True)
class MeterStatus:
    """One energy meter; `source` as in result.json, "none" where there is none, then `why` and the `cure`.

    `resolution_s`: seconds between two updates, measured just now.
    """

    domain: str
    device: str
    source: str
    resolution_s: float | None = None
    why: str = ""
    cure: str = ""


@dataclass(frozen=True)
class Package:
    name: str
    version: str | None
    purpose: str


@dataclass(frozen=True)
class Machine:
    """What `lpc env` tells; `torch` and `threads` are None where torch is not installed."""

    python: str
    system: str
    torch: str | None
    threads: int | None
    devices: tuple[Device, ...]
    meters: tuple[MeterStatus, ...]
    packages: tuple[Package, ...]


def processor_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name as Linux has it, else what the platform says, and how many cores this process may use."""
    name = platform.processor() or platform.machine()
    if cpuinfo.is_file():
        models = [line for line in cpuinfo.read_text(errors="replace").splitlines() if line.startswith("model name")]
        name = models[0].partition(":")[2].strip() if models else name
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{name}, {cores} core{'s' * (cores != 1)}"


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def status(counter: EnergyCounter) -> MeterStatus:
    """What an opened counter tells of itself; it is closed."""
    counter.close()
    return MeterStatus(counter.domain, counter.device, counter.source, counter.resolution_s, counter.note, counter.cure)


def gpus() -> tuple[list[Device], list[MeterStatus]]:
    """The CUDA devices torch can use and the meter of each; of both at least one, if only to say why there is none."""
    import torch

    from lpc.runtime.nvml import open_nvml

    if torch.cuda.is_available():
        indices = range(torch.cuda.device_count())
        devices = [Device(f"cuda:{index}", torch.cuda.get_device_name(index)) for index in indices]
        return devices, [status(open_nvml(torch.device("cuda", index))) for index in indices]
    if torch.version.cuda is None and torch.version.hip is None:
        missing = Device(
            "cuda", "", False, "this torch is built without CUDA", "install a CUDA build: https://pytorch.org"
        )
    else:
        missing = Device(
            "cuda", "", False, "torch finds no usable GPU", "see whether nvidia-smi lists one, and its driver"
        )
    return [missing], [MeterStatus("gpu", "", "none", why="no GPU to measure")]


def describe_machine(powercap: Path = POWERCAP) -> Machine:
    """Looks at the machine. Meters are opened and closed again, which takes up to two seconds a board."""
    devices = [Device("cpu", processor_model())]
    meters: list[MeterStatus] = []
    try:
        import torch
    except ImportError as error:
        release, threads = None, None
        cure = "pip install 'lpc[run]'"
        devices = [Device("cpu", processor_model(), False, f"torch cannot be imported: {error}", cure)]
    else:
        release, threads = torch.__version__, torch.get_num_threads()
        found, meters = gpus()
        devices += found
    meters += [status(counter) for counter in open_rapl(powercap)]
    return Machine(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        torch=None if release is None else str(release),
        threads=threads,
        devices=tuple(devices),
        meters=tuple(meters),
        packages=tuple(Package(name, installed(name), purpose) for name, purpose in PACKAGES.items()),
    )


def duration(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def meter_text(meter: MeterStatus) -> str:
    name = f"{meter.domain} ({meter.device})" if meter.device else meter.domain
    if meter.source == "none":
        return f"{name}: not measured, {meter.why}"
    every = "" if meter.resolution_s is None else f", new every {duration(meter.resolution_s)}"
    return f"{name}: {meter.source}{every}" + (f"; {meter.why}" if meter.why else "")


def with_cure(text: str, cure: str) -> list[str]:
    return [text, f"  to get it: {cure}"] if cure else [text]


def machine_text(machine: Machine) -> str:
    """Lines to read, and to paste into a report of a bug: no path of the user's, no name of the machine."""
    threads = "" if machine.threads is None else f", {machine.threads} thread{'s' * (machine.threads != 1)}"
    devices = [
        line
        for device in machine.devices
        for line in with_cure(f"{device.name}: {device.model if device.usable else f'no, {device.why}'}", device.cure)
    ]
    meters = [line for meter in machine.meters for line in with_cure(meter_text(meter), meter.cure)]
    packages = [f"{package.name} {package.version or 'missing'}: {package.purpose}" for package in machine.packages]
    sections = {
        "python": [f"{machine.python} on {machine.system}"],
        "torch": [f"{machine.torch or 'missing'}{threads}"],
        "devices": devices,
        "energy": meters,
        "packages": packages,
    }
    return "\n".join(
        f"{title if first else '':<10}{line}"
        for title, lines in sections.items()
        for first, line in zip([True] + [False] * len(lines), lines, strict=False)
    )
