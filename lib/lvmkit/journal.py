"""The journals of changes that are being carried out: one file for each plan, complete at any moment.

`<state>/journal/<n>.json` holds the plan, how many of its steps were begun, how many are known to be done, what it is
about, and which process carries it out. The journal of a plan that is being taken back is renamed to `<n>.back.json`:
that needs no space, so a back-out is recorded also on a full disk. Older versions wrote `<state>/journal.json`.
"""

from __future__ import annotations

import os

from lvmkit.cluster.embedded.processes import Process, is_running, this_process
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import StateNotStored
from lvmkit.model.messages.plans import JournalUnreadable
from lvmkit.model.value import Value, replace
from lvmkit.storage import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from lvmkit.model.settings import Paths

VERSION = 2
_LEGACY, _SUFFIX, _BACK = "journal", ".json", ".back"
_MOVED = {"lvmkit.workflow.steps": "lvmkit.steps"}
"""modules of steps that were renamed since an older version wrote a journal"""
_STEPS_OF = ("lvmkit.steps", "lvmkit.workflow.")
"""the modules that may be imported for the steps in a journal"""
_UNREADABLE = (ValueError, TypeError, LookupError, ImportError, AttributeError, RecursionError)


class Journal(Value):
    """One plan that was begun."""

    name: str
    """a number; 'journal' for the one of an older version"""
    work: str = ""
    about: tuple[str, ...] = ()
    """tags and volume groups"""
    steps: tuple[Any, ...] = ()
    begun: int = 0
    """how many of the steps were begun"""
    done: int = 0
    """how many are known to be done"""
    is_back: bool = False
    """whether it is being taken back"""
    process: Process = Process("", 0, 0)
    fault: JournalUnreadable | None = None
    """why it cannot be read"""

    @property
    def is_running(self) -> bool:
        """Whether the process that carries it out still lives."""
        return bool(self.process.pid) and is_running(self.process)


def names(paths: Paths) -> tuple[str, ...]:
    """The names of all journals, the oldest first. Raises Failure where the folder cannot be read."""
    numbers = set()
    for entry in _listed(paths):
        number = entry.partition(".")[0]
        if entry.endswith(_SUFFIX) and number.isascii() and number.isdecimal():
            numbers.add(number)
    ordered = tuple(sorted(numbers, key=int))
    if os.path.lexists(f"{paths.state}/{_LEGACY}{_SUFFIX}"):
        return (_LEGACY, *ordered)
    return ordered


def names_in(steps: Iterable[Any]) -> tuple[str, ...]:
    """The tags and volume groups that some steps are about, each once."""
    about: dict[str, None] = {}
    for step in steps:
        about.update(dict.fromkeys(step.names()))
    return tuple(about)


def fresh(work: str, about: tuple[str, ...], steps: tuple[Value, ...], paths: Paths) -> Journal:
    """A journal for a plan that begins now; nothing is written. The admin lock must be held."""
    last = max((int(name) for name in names(paths) if name != _LEGACY), default=0)
    return Journal(str(last + 1), work, about, steps, process=this_process())


def write(journal: Journal, paths: Paths) -> Journal:
    """Store it durably, and return it. Raises Failure (StateNotStored, 110082)."""
    import json  # only changes need it; a restore or remove starts without

    facts = {
        "version": VERSION,
        "work": journal.work,
        "about": journal.about,
        "begun": journal.begun,
        "done": journal.done,
        "process": journal.process.as_dict(),
        "steps": packed(journal.steps),
    }
    files.make_folder(paths.state, mode=0o700)
    files.make_folder(_folder(paths), mode=0o700)
    files.replace(_path(journal, paths), json.dumps(facts), mode=0o600)
    return journal


def turn_back(journal: Journal, paths: Paths) -> Journal:
    """Note durably that it is being taken back. Raises Failure (StateNotStored, 110082)."""
    turned = replace(journal, is_back=True)
    if journal.is_back or journal.name == _LEGACY:
        return turned
    try:
        os.rename(_path(journal, paths), _path(turned, paths))
    except FileNotFoundError:
        return write(turned, paths) if journal.begun else turned
    except OSError as error:
        raise Failure(StateNotStored(_path(turned, paths), files.why(error))) from error
    files.flush_folder(_folder(paths))
    return turned


def drop(journal: Journal, paths: Paths) -> None:
    """Remove it durably: a journal that a power failure brought back would take back a plan that was done."""
    for path in {_path(journal, paths), _path(replace(journal, is_back=not journal.is_back), paths)}:
        if files.remove(path):
            files.flush_folder(os.path.dirname(path))


def read(name: str, paths: Paths, kinds: Callable[[], dict[str, Callable[..., Value]]]) -> Journal:
    """The journal of this name. One that cannot be understood says why, and what it is about as far as that is known.

    kinds: gives the classes that it may hold, by name; called once their modules are imported.
    Raises Failure where the file cannot be read at all.
    """
    journal = Journal(name)
    turned = replace(journal, is_back=True)
    if name != _LEGACY and os.path.lexists(_path(turned, paths)):
        journal = turned
    text = files.read(_path(journal, paths)) or ""
    import json

    facts: Any = {}
    try:
        facts = json.loads(text)
        return _read_old(journal, facts, kinds) if "reached" in facts else _read(journal, facts, kinds)
    except _UNREADABLE as error:
        why = f"{type(error).__name__}: {error}"
        fault = JournalUnreadable(name, _path(journal, paths), why)
        return replace(journal, work=_word(facts, "work"), about=_words(facts, "about"), fault=fault)


def packed(item: object) -> Any:  # noqa: ANN401 - JSON
    """A Value as JSON can hold it: its fields, its class, and the module of that class."""
    if isinstance(item, Value):
        facts: dict[str, Any] = {"is": type(item).__name__, "from": type(item).__module__}
        for name, value in item.as_dict().items():
            facts[name] = packed(value)
        return facts
    return list(map(packed, item)) if isinstance(item, tuple) else item


def unpacked(item: Any, kinds: Callable[[], dict[str, Callable[..., Value]]], *, is_old: bool = False) -> Any:  # noqa: ANN401 - JSON
    """The Value that was packed; only classes that a plan may hold are made.

    is_old: an older version packed it; fields that its classes no longer have are left out.
    """
    if isinstance(item, list):
        return tuple(unpacked(part, kinds, is_old=is_old) for part in item)
    if not isinstance(item, dict):
        return item
    kind = _kind(item["is"], str(item.get("from", "")), kinds)
    known = getattr(kind, "_fields", ()) if is_old else tuple(item)
    fields = {}
    for name, value in item.items():
        if name in known and name not in ("is", "from"):
            fields[name] = unpacked(value, kinds, is_old=is_old)
    return kind(**fields)


def _read(journal: Journal, facts: Any, kinds: Callable[[], dict[str, Callable[..., Value]]]) -> Journal:  # noqa: ANN401
    if facts["version"] != VERSION:
        raise ValueError(f"it has version {facts['version']}; this kit knows {VERSION}")
    return replace(
        journal,
        work=_word(facts, "work"),
        about=_words(facts, "about"),
        steps=unpacked(facts["steps"], kinds),
        begun=int(facts["begun"]),
        done=int(facts["done"]),
        process=Process(**facts["process"]),
    )


def _read_old(journal: Journal, facts: Any, kinds: Callable[[], dict[str, Callable[..., Value]]]) -> Journal:  # noqa: ANN401
    """A journal of an older version. It says how many steps were begun; the last of these may be done or not."""
    plan = facts["plan"]
    steps = unpacked(plan["steps"], kinds, is_old=True)
    begun = int(facts["reached"])
    return replace(
        journal, work=_word(plan, "work"), about=names_in(steps), steps=steps, begun=begun, done=max(0, begun - 1)
    )


def _kind(name: str, module: str, kinds: Callable[[], dict[str, Callable[..., Value]]]) -> Callable[..., Value]:
    """The class of this name. The run that finds a journal need not have imported the workflow that wrote it."""
    from importlib import import_module

    place = _MOVED.get(module, module)
    if place.startswith(_STEPS_OF):
        import_module(place)
    return kinds()[name]


def _word(facts: Any, key: str) -> str:  # noqa: ANN401 - JSON
    word = facts.get(key) if isinstance(facts, dict) else None
    return word if isinstance(word, str) else ""


def _words(facts: Any, key: str) -> tuple[str, ...]:  # noqa: ANN401 - JSON
    words = facts.get(key) if isinstance(facts, dict) else None
    if not isinstance(words, list):
        return ()
    return tuple(word for word in words if isinstance(word, str))


def _folder(paths: Paths) -> str:
    return f"{paths.state}/journal"


def _path(journal: Journal, paths: Paths) -> str:
    if journal.name == _LEGACY:
        return f"{paths.state}/{_LEGACY}{_SUFFIX}"
    return f"{_folder(paths)}/{journal.name}{_BACK * journal.is_back}{_SUFFIX}"


def _listed(paths: Paths) -> list[str]:
    try:
        return os.listdir(_folder(paths))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise Failure(StateNotStored(_folder(paths), files.why(error))) from error
