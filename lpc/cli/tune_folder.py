"""A tuning in its folder: what is left of it carried out in the name of one plan, its tables and programs written."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpc.cli.refusal import Refusal
from lpc.cli.writing import make_folder, write_whole

if TYPE_CHECKING:
    from lpc.lab.tune import Subject
    from lpc.lab.tune_plan import TunePlan
    from lpc.lab.tune_storage import Storage
    from lpc.lab.tune_table import Outcome

FILE = "study.json"


@dataclass(frozen=True)
class Work:
    """How much, how, and for how long."""

    trials: int
    timeout: float | None
    jobs: int
    prune: bool
    force: bool


@dataclass
class Folder:
    """`record` is study.json: what the folder is of, who asks for trials in its name, and the programs written, by their SHA-256."""

    path: Path
    record: dict[str, Any] = field(default_factory=dict)

    def save(self) -> None:
        from lpc.lab.files import write_json

        write_json(self.path / FILE, self.record)

    def may_write(self, name: str, text: str = "") -> bool:
        """Whether a program would take the place of nothing, of itself, or of one that tuning wrote and nobody edited."""
        path = self.path / name
        if not path.exists():
            return True
        there = path.read_bytes() if path.is_file() else b""
        return there == text.encode() or sha256(there).hexdigest() == self.record["written"].get(name)


def carried_out(
    plan: TunePlan, work: Work, url: str | None, path: Path, environment: Mapping[str, str], tell: Callable[[str], None]
) -> list[Outcome]:
    """Make what is left of the trials; the studies, also written down. Raises Refusal."""
    from lpc.lab.bench import WrongInput
    from lpc.lab.processes import Busy, Lock, launcher
    from lpc.lab.tune import Tuning
    from lpc.lab.tune_storage import Unavailable, storage_at

    new = [one for one in (path, *path.parents) if not one.exists()]
    make_folder(path)
    try:
        lock = Lock(path)
    except Busy as problem:
        raise Refusal(f"{path}: another tuning, or a trial that outlived one, is at work there") from problem
    subjects: list[Subject] = []
    try:
        storage = storage_at(url, path)
        folder = settled(plan, storage, path, work.force)
        opened = storage.open()
        with storage.named():
            subjects = plan.open(opened, folder.record["worker"])
            tuning = Tuning(
                subjects,
                path,
                launcher(environment, lock),
                trials=work.trials,
                timeout=work.timeout,
                jobs=work.jobs,
                prune=work.prune,
                options=plan.options,
                tell=tell,
            )
            try:
                tuning.conduct()
            except (KeyboardInterrupt, click.exceptions.Exit):  # Ctrl-C, SIGTERM
                written_tables(subjects, {}, plan, work, storage, folder)
                raise
            return written(subjects, plan, work, storage, folder)
    except (WrongInput, Unavailable) as problem:
        withdraw(path, new, subjects)
        raise Refusal(str(problem)) from problem
    finally:
        lock.close()


def settled(plan: TunePlan, storage: Storage, path: Path, force: bool) -> Folder:
    """The folder as it is, or as it is now begun. Raises Refusal where it is another study's, or a program there is somebody's."""
    from lpc.lab.files import read_json

    here = {"version": 1, **plan.identity(), "storage": storage.shown}
    there = read_json(path / FILE)
    if there is not None:
        apart = [name for name, value in here.items() if there.get(name) != value]
        if "program" in apart:
            raise Refusal(f"{path} holds the study of another program (its hash differs): --out DIR goes elsewhere")
        if apart:
            raise Refusal(f"{path} holds another study ({', '.join(apart)} differ): --out DIR goes elsewhere")
    folder = Folder(path, there or {**here, "worker": uuid.uuid4().hex, "written": {}})
    if len(plan.objectives) == 1 and not force:
        for variant in plan.programs:
            if not folder.may_write(name := file_name(plan, variant)):
                raise Refusal(
                    f"{path / name} is there, and edited or no work of lpc's: --force overwrites it in the end"
                )
    folder.save()
    return folder


def file_name(plan: TunePlan, variant: str, number: int | None = None) -> str:
    return f"{plan.name}-{variant}{'' if number is None else f'-{number}'}.lp"


def written(subjects: Sequence[Subject], plan: TunePlan, work: Work, storage: Storage, folder: Folder) -> list[Outcome]:
    """Programs with the best values, then the tables. Raises Refusal, at the end, for programs that are somebody's."""
    from lpc.lab.tune_programs import best_source

    several, left = len(plan.objectives) > 1, []
    files: dict[str, dict[int, str]] = {}
    stale = dict(folder.record["written"])
    for subject in subjects:
        names = files.setdefault(subject.variant, {})
        for one in subject.study.best():
            name = file_name(plan, subject.variant, one.number if several else None)
            text = best_source(subject.program, subject.settings, one.values).text
            stale.pop(name, None)
            if not work.force and not folder.may_write(name, text):
                left.append(name)
                continue
            write_whole(folder.path / name, text.encode())
            folder.record["written"][name] = sha256(text.encode()).hexdigest()
            names[one.number] = name
    for name in stale:  # no longer in the Pareto set
        if several and any(name.startswith(f"{plan.name}-{subject.variant}-") for subject in subjects):
            if folder.may_write(name):
                (folder.path / name).unlink(missing_ok=True)
            del folder.record["written"][name]
    folder.save()
    found = written_tables(subjects, files, plan, work, storage, folder)
    if left:
        names_left = ", ".join(str(folder.path / name) for name in left)
        raise Refusal(f"{names_left}: edited, or no work of lpc's, and left alone; --force overwrites")
    return found


def written_tables(
    subjects: Sequence[Subject],
    files: Mapping[str, Mapping[int, str]],
    plan: TunePlan,
    work: Work,
    storage: Storage,
    folder: Folder,
) -> list[Outcome]:
    from lpc.lab.files import write_json, write_text
    from lpc.lab.tune_table import CSV, JSON, outcome, tune_csv, tune_json

    found = [outcome(subject, files.get(subject.variant)) for subject in subjects]
    write_json(folder.path / JSON, tune_json(found, work.trials, plan.seed, storage.shown or "study.db"))
    write_text(folder.path / CSV, tune_csv(found))
    return found


def withdraw(path: Path, new: Sequence[Path], subjects: Sequence[Subject]) -> None:
    """Leave nothing new where nothing was tried: the storage was not there, or the first script refused its options or its data."""
    from lpc.lab.tune_storage import FILE as STORAGE

    with suppress(Exception):  # of a storage that cannot be used
        if any(subject.study.trials() for subject in subjects):
            return
        for subject in subjects:
            subject.study.discard()
    if path not in new:
        return
    for name in (FILE, ".lock", STORAGE):
        with suppress(OSError):
            (path / name).unlink()
    shutil.rmtree(path / "trials", ignore_errors=True)
    for one in new:
        with suppress(OSError):
            one.rmdir()
