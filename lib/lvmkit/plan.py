"""A change as a list of steps that can be shown, carried out, taken back, and survives being killed.

Create, delete and reconfigure all end in a Plan, so preview, progress, back-out and the crash journal exist once.
Before a step is applied the journal on disk says so; a run that was killed is found by the next one, which takes its
steps back in reverse order. So every `undo` must be harmless where its step was not, or only partly, applied.
"""

from __future__ import annotations

import os

from lvmkit.cluster.port import Change
from lvmkit.model.instance import Dependency, Instance
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import InterruptedWork, StateNotStored, StepDone, UndoFailed
from lvmkit.model.value import Value
from lvmkit.storage import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lvmkit.cluster.port import Port
    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Paths, Settings

_STEPS_OF = "lvmkit.workflow."
"""where the modules are that may be imported for the steps in a journal"""


class Kit(Value):
    """What every workflow works with."""

    port: Port
    paths: Paths
    settings: Settings
    tell: Callable[[Message], None]


class Step(Value):
    """One action of a plan. Its fields are plain values, tuples or Values, so that a journal can hold them."""

    def describe(self) -> str:
        """What the step does, in the imperative."""
        raise NotImplementedError

    def apply(self, kit: Kit) -> None:
        """Do it; Failure when it cannot be done."""
        raise NotImplementedError

    def undo(self, kit: Kit) -> None:
        """Take it back; harmless where it was never done."""
        raise NotImplementedError


class Plan(Value):
    """Steps in order, and the name of the whole."""

    work: str
    steps: tuple[Step, ...]


def carry_out(plan: Plan, kit: Kit) -> None:
    """Apply every step; on a failure or a signal take back what was begun, and let the failure or signal go on.

    The admin lock must be held. Raises Failure or Interruption; then either everything was taken back, or
    UndoFailed says what could not be and the journal stays for the next run.
    """
    reached = 0
    try:
        for reached, step in enumerate(plan.steps, 1):
            _write_journal(plan, reached, kit)
            kit.tell(StepDone(reached, len(plan.steps), step.describe()))
            step.apply(kit)
        _drop_journal(kit)
    except (Failure, Interruption, KeyboardInterrupt) as cause:
        _back_out(plan.steps[:reached], kit, cause)
        raise


def finish_interrupted(kit: Kit) -> None:
    """Take back what a killed run left behind. The admin lock must be held. Raises Failure when that cannot be done."""
    found = _read_journal(kit)
    if found is None:
        return
    plan, reached = found
    kit.tell(InterruptedWork(plan.work, "backing it out"))
    _back_out(plan.steps[:reached], kit)


def _back_out(steps: tuple[Step, ...], kit: Kit, cause: BaseException | None = None) -> None:
    for step in reversed(steps):
        try:
            step.undo(kit)
        except Failure as failure:
            for message in cause.messages if isinstance(cause, Failure) else ():
                kit.tell(message)  # the new failure takes the place of the one that led here
            raise Failure(UndoFailed(step.describe(), str(failure)), *failure.messages) from failure
    _drop_journal(kit)


def _journal(kit: Kit) -> str:
    return f"{kit.paths.state}/journal.json"


def _write_journal(plan: Plan, reached: int, kit: Kit) -> None:
    import json  # only changes need it; a restore or remove starts without

    files.make_folder(kit.paths.state, mode=0o700)
    files.replace(_journal(kit), json.dumps({"reached": reached, "plan": _packed(plan)}), mode=0o600)


def _drop_journal(kit: Kit) -> None:
    """Remove the journal for good: one that a power failure brought back would take back a plan that was done."""
    try:
        os.unlink(_journal(kit))
        folder = os.open(kit.paths.state, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise Failure(StateNotStored(_journal(kit), files.why(error))) from error


def _read_journal(kit: Kit) -> tuple[Plan, int] | None:
    """(plan, number of steps begun), or None. It is written atomically, so one that is not whole is not ours."""
    text = files.read(_journal(kit))
    if text is None:
        return None
    import json

    try:
        stored = json.loads(text)
        plan, reached = _unpacked(stored["plan"]), stored["reached"]
    except (ValueError, TypeError, LookupError, ImportError, RecursionError) as error:
        raise Failure(UndoFailed("the journal " + _journal(kit), f"unreadable: {error}")) from error
    if not isinstance(plan, Plan) or not isinstance(reached, int):
        raise Failure(UndoFailed("the journal " + _journal(kit), "it does not hold a plan"))
    return plan, reached


def _packed(item: object) -> Any:  # noqa: ANN401 - JSON
    """A Value as JSON can hold it: its fields, its class, and the module of that class."""
    if isinstance(item, Value):
        fields = {name: _packed(value) for name, value in item.as_dict().items()}
        return {"is": type(item).__name__, "from": type(item).__module__, **fields}
    return [_packed(part) for part in item] if isinstance(item, tuple) else item


def _unpacked(item: Any) -> Any:  # noqa: ANN401 - JSON
    """The Value that was packed; only classes that a plan may hold are made."""
    if isinstance(item, dict):
        fields = {name: _unpacked(value) for name, value in item.items() if name not in ("is", "from")}
        return _kind(item["is"], str(item.get("from", "")))(**fields)
    return tuple(map(_unpacked, item)) if isinstance(item, list) else item


def _kind(name: str, module: str) -> Callable[..., Value]:
    """The class of this name. The run that finds a journal need not have imported the workflow that wrote it."""
    from importlib import import_module

    if module.startswith(_STEPS_OF):
        import_module(module)
    return _storable()[name]


def _storable() -> dict[str, Callable[..., Value]]:
    kinds: tuple[type[Value], ...] = (Plan, Change, Instance, Dependency, *Step.__subclasses__())
    return {kind.__name__: kind for kind in kinds}
