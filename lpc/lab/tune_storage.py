"""Where studies are kept: an Optuna storage by the URL of a database, and what is wrong with one, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

FILE = "study.db"
LOCKED_S = 10.0
"""How long an SQLite file may be locked by somebody else."""


class Unavailable(Exception):
    """A storage that is locked, not there, or none, in one line."""


@dataclass(frozen=True)
class Storage:
    """`shown` is the URL without its password; None: the folder's own file."""

    url: str
    shown: str | None = None

    @property
    def name(self) -> str:
        return self.shown or self.url.removeprefix("sqlite:///")

    @contextmanager
    def named(self) -> Iterator[None]:
        """What goes wrong with the storage inside is Unavailable, with its name."""
        try:
            yield
        except (SQLAlchemyError, StorageInternalError) as problem:
            raise Unavailable(f"the storage {self.name} cannot be used: {_why(problem)}; nothing is lost") from problem

    def open(self) -> RDBStorage:
        """Raises Unavailable."""
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        options: dict[str, Any] = {}
        if self.url.startswith("sqlite"):
            options["connect_args"] = {"timeout": LOCKED_S}
        with self.named():
            try:
                return RDBStorage(self.url, engine_kwargs=options)
            except ImportError as problem:
                missing = getattr(problem.__cause__ or problem.__context__, "name", None)
                what = f"the package {missing} is missing" if missing else str(problem)
                raise Unavailable(f"the storage {self.name} cannot be used: {what}") from problem
            except RuntimeError as problem:  # tables of another version of Optuna's
                raise Unavailable(f"the storage {self.name} cannot be used: {_line(str(problem))}") from problem


def storage_at(url: str | None, folder: Path) -> Storage:
    """The storage of a URL, or the folder's own. Raises Unavailable for what is no URL of a database."""
    if url is None:
        return Storage(f"sqlite:///{(folder / FILE).as_posix()}")
    try:
        shown = make_url(url).render_as_string(hide_password=True)
    except (ArgumentError, ValueError) as problem:
        raise Unavailable(
            "`--storage` takes the URL of a database: sqlite:///study.db, postgresql://user@host/name"
        ) from problem
    return Storage(url, shown)


def _why(problem: BaseException) -> str:
    """What the database said, without the statement and links that libraries put around it."""
    while problem.__cause__ is not None:
        problem = problem.__cause__
    return _line(str(getattr(problem, "orig", None) or problem)) or type(problem).__name__


def _line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0].rstrip(".") if lines else ""
