"""A change as a list of steps that can be shown, carried out, taken back or finished, and survives being killed.

Create, delete, extend, unextend and reconfigure all end in a Plan, so preview, progress, back-out and the crash journal
exist once. Before a step is applied, the journal on disk says so. A run that fails or is told to end takes its own
steps back, in reverse order. What a killed run left is found by the next run: where the plan's point of no return was
passed, that one carries out the rest; otherwise it takes the steps back. So every `undo` must be harmless where its
step was not applied, or only partly.
"""

from __future__ import annotations

from lvmkit import journal as journals
from lvmkit.cluster.port import Change
from lvmkit.host import Host
from lvmkit.model.instance import Dependency, Instance
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import InterruptedWork, StepDone, UndoFailed
from lvmkit.model.messages.plans import FinishFailed, JournalBlocks, JournalStuck
from lvmkit.model.value import Value, replace
from lvmkit.peer.kernels import Kernels
from lvmkit.peer.remote import remote_kit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import ClassVar

    from lvmkit.cluster.port import Port
    from lvmkit.journal import Journal
    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Paths, Settings
    from lvmkit.peer.remote import RemoteKit
    from lvmkit.storage.lvm import Lvm


class Kit(Value):
    """What every workflow works with."""

    port: Port
    paths: Paths
    settings: Settings
    tell: Callable[[Message], None]

    @property
    def host(self) -> Host:
        """What guards and resources work with; they know no engine. Raises Failure where it does not know its name."""
        peers = Kernels(self.settings.ssh) if self.port.capabilities.several_servers else None
        return Host(self.paths, self.settings, self.tell, self.port.local_server(), self.port.membership, peers)

    def remote(self, server: str) -> RemoteKit:
        """The kit on another server."""
        return remote_kit(server, self.paths, self.settings)

    @property
    def lvm(self) -> Lvm:
        """How LVM is asked."""
        return self.host.lvm


class Step(Value):
    """One action of a plan. Its fields are plain values, tuples or Values, so that a journal can hold them."""

    decides: ClassVar[bool] = False
    """whether it changes what the cluster knows; the last such step is the plan's point of no return"""

    def describe(self) -> str:
        """What the step does, in the imperative."""
        raise NotImplementedError

    def names(self) -> tuple[str, ...]:
        """The tags and volume groups that it is about: its fields `tag` and `vg`."""
        return tuple(getattr(self, field) for field in self._fields if field in ("tag", "vg"))

    def prepared(self, kit: Kit) -> Step:
        """The step with everything that taking it back needs, looked up just before it begins. Raises Failure."""
        del kit
        return self

    def apply(self, kit: Kit) -> None:
        """Do it; Failure when it cannot be done."""
        raise NotImplementedError

    def undo(self, kit: Kit) -> None:
        """Take it back; harmless where it was never done, and where somebody else has changed it since."""
        raise NotImplementedError

    def finish(self, kit: Kit) -> None:
        """Do it in a later run, as far as that still makes sense: others may have made changes since."""
        self.apply(kit)

    def is_in_effect(self, kit: Kit) -> bool:
        """Whether its goal is reached, whoever did it. Only steps that decide are asked. Raises Failure."""
        del kit
        return False

    def is_built_on(self, kit: Kit) -> bool:
        """Whether others rely on it by now, so that it must not be taken back any more. Raises Failure."""
        del kit
        return False


class Plan(Value):
    """Steps in order, and the name of the whole."""

    work: str
    steps: tuple[Step, ...]

    @property
    def about(self) -> tuple[str, ...]:
        """The tags and volume groups that it concerns."""
        return journals.names_in(self.steps)

    def describe(self) -> tuple[str, ...]:
        """What each step does."""
        return tuple(step.describe() for step in self.steps)


def carry_out(plan: Plan, kit: Kit) -> None:
    """Apply every step. Where anything goes wrong, take back what was begun and re-raise the failure or signal.

    The admin lock must be held. Raises what went wrong; then either everything was taken back, or UndoFailed says what
    could not be, and the journal stays for the next run. Raises JournalBlocks where an unfinished plan concerns the
    same tags or volume groups.
    """
    refuse_unfinished(plan.about, kit)
    journal = journals.fresh(plan.work, plan.about, plan.steps, kit.paths)
    try:
        for number, step in enumerate(plan.steps, 1):
            journal = _begin(journal, number, kit)
            kit.tell(StepDone(number, len(plan.steps), step.describe()))
            journal.steps[number - 1].apply(replace(kit, tell=within(number, len(plan.steps), kit.tell)))
            if step.decides:
                journal = journals.write(replace(journal, done=number), kit.paths)
        journals.drop(journal, kit.paths)
    except BaseException as cause:
        _back_out(journal, kit, cause)
        raise


def finish_interrupted(kit: Kit, about: Iterable[str] = ()) -> None:
    """Finish, or take back, what killed runs left behind. The admin lock must be held.

    about: what the caller is going to change. A journal that cannot be finished now is told, and blocks nothing else.
    Raises Failure where one concerns what the caller is going to change (JournalBlocks, 110261), or does not say what
    it concerns (JournalUnreadable, 110262).
    """
    for journal in all_journals(kit):
        if journal.fault:
            continue
        try:
            _resume(journal, kit)
        except Failure as failure:
            kit.tell(JournalStuck(journal.name, journal.work, journal.about, str(failure)))
    refuse_unfinished(tuple(about), kit)


def all_journals(kit: Kit) -> tuple[Journal, ...]:
    """The changes that were begun and not finished, the oldest first. Raises Failure where they cannot be read."""
    return tuple(journals.read(name, kit.paths, _storable) for name in journals.names(kit.paths))


def refuse_unfinished(about: tuple[str, ...], kit: Kit) -> None:
    """Raise Failure where an unfinished plan concerns one of these (JournalBlocks, 110261), or may (110262)."""
    for journal in all_journals(kit):
        if journal.fault and not journal.about:
            raise Failure(journal.fault)
        if set(about) & set(journal.about):
            messages: list[Message] = [JournalBlocks(journal.name, journal.work, journal.about)]
            if journal.fault:
                messages.append(journal.fault)
            raise Failure(*messages)


def goes_forward(journal: Journal, kit: Kit) -> bool:
    """Whether a plan that was interrupted is to be finished rather than taken back. Raises Failure.

    Its point of no return is the last step that decides. It was passed where that step is known to be done, or where
    its goal is reached. A plan that was already being taken back stays so, unless others have built on it since.
    """
    begun = journal.steps[: journal.begun]
    if any(step.decides and step.is_built_on(kit) for step in begun):
        return True
    point = _point_of_no_return(journal.steps)
    if journal.is_back or not point or point > journal.begun:
        return False
    return journal.done >= point or bool(journal.steps[point - 1].is_in_effect(kit))


def _point_of_no_return(steps: tuple[Step, ...]) -> int:
    """The number, from 1, of the last step that decides; 0 where none does."""
    for number in range(len(steps), 0, -1):
        if steps[number - 1].decides:
            return number
    return 0


def within(position: int, count: int, tell: Callable[[Message], None]) -> Callable[[Message], None]:
    """Tell what is done for one step, whose progress is not that of the whole."""

    def tell_within(message: Message) -> None:
        if isinstance(message, StepDone):
            message = replace(message, within=f"{position}/{count}: {message.within}")
        tell(message)

    return tell_within


def _begin(journal: Journal, number: int, kit: Kit) -> Journal:
    """Note that a step begins, which also says that those before it are done."""
    ready = journal.steps[number - 1].prepared(kit)
    steps = (*journal.steps[: number - 1], ready, *journal.steps[number:])
    return journals.write(replace(journal, steps=steps, begun=number, done=number - 1), kit.paths)


def _resume(journal: Journal, kit: Kit) -> None:
    if not goes_forward(journal, kit):
        kit.tell(InterruptedWork(journal.work, "backing it out"))
        _back_out(journal, kit)
        return
    kit.tell(InterruptedWork(journal.work, "finishing it"))
    for step in journal.steps[journal.done :]:
        try:
            step.finish(kit)
        except Failure as failure:
            raise Failure(FinishFailed(step.describe(), str(failure)), *failure.messages) from failure
    journals.drop(journal, kit.paths)


def _back_out(journal: Journal, kit: Kit, cause: BaseException | None = None) -> None:
    try:
        journal = journals.turn_back(journal, kit.paths)
    except Failure as failure:  # it must not keep the steps from being taken back
        for message in failure.messages:
            kit.tell(message)
    for step in reversed(journal.steps[: journal.begun]):
        try:
            step.undo(kit)
        except Failure as failure:
            for message in cause.messages if isinstance(cause, Failure) else ():
                kit.tell(message)  # the new failure takes the place of the one that led here
            raise Failure(UndoFailed(step.describe(), str(failure)), *failure.messages) from failure
    journals.drop(journal, kit.paths)


def _storable() -> dict[str, Callable[..., Value]]:
    kinds: tuple[type[Value], ...] = (Change, Instance, Dependency, *Step.__subclasses__())
    return {kind.__name__: kind for kind in kinds}
