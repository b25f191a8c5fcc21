"""What this machine can train on and measure with, and where it cannot, why not and what would help: `lpc env`."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lpc.lab.meters import MeterStatus, meter_text, meters, with_cure
from lpc.runtime.processor import processor_name
from lpc.runtime.rapl import POWERCAP

PACKAGES = {
    "numpy": "reads data",
    "scikit-learn": "holds the data set digits",
    "nvidia-ml-py": "measures NVIDIA boards",
    "amdsmi": "measures AMD boards",
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


def processor_model() -> str:
    """The processor's name, and how many cores this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{processor_name()}, {cores} core{'s' * (cores != 1)}"


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def gpus() -> list[Device]:
    """The CUDA devices torch can use; at least one, if only to say why there is none."""
    import torch

    if torch.cuda.is_available():
        indices = range(torch.cuda.device_count())
        return [Device(f"cuda:{index}", torch.cuda.get_device_name(index)) for index in indices]
    if torch.version.cuda is None and torch.version.hip is None:
        why, cure = "this torch is built without CUDA", "install a CUDA build: https://pytorch.org"
    else:
        why, cure = "torch finds no usable GPU", "see whether nvidia-smi lists one, and its driver"
    return [Device("cuda", "", False, why, cure)]


def describe_machine(powercap: Path = POWERCAP) -> Machine:
    """Looks at the machine. Meters are opened and closed again, which takes up to two seconds a board."""
    devices = [Device("cpu", processor_model())]
    try:
        import torch
    except ImportError as error:
        release, threads = None, None
        cure = "pip install 'lpc[run]'"
        devices = [Device("cpu", processor_model(), False, f"torch cannot be imported: {error}", cure)]
    else:
        release, threads = torch.__version__, torch.get_num_threads()
        devices += gpus()
    return Machine(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        torch=None if release is None else str(release),
        threads=threads,
        devices=tuple(devices),
        meters=meters(powercap),
        packages=tuple(Package(name, installed(name), purpose) for name, purpose in PACKAGES.items()),
    )


def machine_text(machine: Machine) -> str:
    """Lines to read, and to paste into a report of a bug: no path of the user's, no name of the machine."""
    threads = "" if machine.threads is None else f", {machine.threads} thread{'s' * (machine.threads != 1)}"
    devices = [
        line
        for device in machine.devices
        for line in with_cure(f"{device.name}: {device.model if device.usable else f'no, {device.why}'}", device.cure)
    ]
    energy = [line for meter in machine.meters for line in with_cure(meter_text(meter), meter.cure)]
    packages = [f"{package.name} {package.version or 'missing'}: {package.purpose}" for package in machine.packages]
    sections = {
        "python": [f"{machine.python} on {machine.system}"],
        "torch": [f"{machine.torch or 'missing'}{threads}"],
        "devices": devices,
        "energy": energy,
        "packages": packages,
    }
    return "\n".join(
        f"{title if first else '':<10}{line}"
        for title, lines in sections.items()
        for first, line in zip([True] + [False] * len(lines), lines, strict=False)
    )
