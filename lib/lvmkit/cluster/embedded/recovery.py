"""Local recovery as the engine keeps account of it: what is owed, how often there was one, and whether it helped.

What is taken down to come back is ILLSTATE meanwhile and still counts as wanted. Whoever comes next brings back what is
so, also after a kill or a power failure; an administrator's out-of-service leaves OSU. The account is held in volatile
flags, which end with the boot.
"""

from __future__ import annotations

import time

from lvmkit.cluster.embedded import changes, flags, moves, rows
from lvmkit.cluster.embedded.alerts import MONITOR, alert
from lvmkit.cluster.embedded.database import reading, writing
from lvmkit.cluster.embedded.flags import REMOVE, RESTORE, ServiceMove
from lvmkit.model.instance import ILLSTATE, IN_SERVICE
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import StepDone
from lvmkit.resources import scripts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from sqlite3 import Connection

    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Paths, Settings

TAKING_DOWN, OWED = "local recovery takes it down, to bring it back", "local recovery is to bring it back"
"""the reasons of the state meanwhile"""

_COUNTED, _IN_VAIN = "!volatile!recovery!", "!volatile!in-vain!"
"""followed by the second of the boot, or by the faults that stayed; then '!' and the tag"""


class EmbeddedRecovery:
    """The account of local recovery on this server. Every method may raise Failure with a numbered message."""

    def __init__(self, paths: Paths, settings: Settings) -> None:
        self._paths, self._settings = paths, settings

    def is_interrupted(self) -> bool:
        """Whether a move in or out of service was killed."""
        return bool(moves.interrupted(self._paths))

    def count(self, tag: str, seconds: float) -> int:
        """How many recoveries of a tag there were in so many seconds."""
        since = time.monotonic() - seconds
        with reading(self._paths.database) as connection:
            return sum(float(second) >= since for second in _notes(connection, _COUNTED, tag))

    def faults_left(self, tag: str) -> str:
        """What the last recovery of a tag did not help; '' where it did, or there was none."""
        with reading(self._paths.database) as connection:
            return next(iter(_notes(connection, _IN_VAIN, tag)), "")

    def note_in_vain(self, tag: str, faults: str) -> None:
        """Note what a recovery did not help. faults: a word without '!'."""
        with writing(self._paths.database) as connection:
            _forget(connection, _IN_VAIN, (tag,))
            flags.create(connection, f"{_IN_VAIN}{faults}!{tag}")

    def note_well(self, tags: Iterable[str]) -> None:
        """These are well: nothing was in vain any more. Writes only where something was."""
        well = set(tags)
        with reading(self._paths.database) as connection:
            noted = [tag for _, tag in _all_notes(connection, _IN_VAIN) if tag in well]
        if noted:
            with writing(self._paths.database) as connection:
                _forget(connection, _IN_VAIN, noted)

    def forget(self, tags: Iterable[str]) -> None:
        """Somebody has seen to these: what was counted of them is over. Writes only where something was."""
        seen_to = set(tags)
        with reading(self._paths.database) as connection:
            notes = (*_all_notes(connection, _COUNTED), *_all_notes(connection, _IN_VAIN))
        if any(tag in seen_to for _, tag in notes):
            with writing(self._paths.database) as connection:
                _forget(connection, _COUNTED, seen_to)
                _forget(connection, _IN_VAIN, seen_to)

    def take_down(self, tag: str, tell: Callable[[Message], None]) -> None:
        """Count a recovery, and take the tag down with all above it; all of that is owed. The admin lock must be held.

        Raises Failure where a script fails; then what is left is owed as well.
        """
        going = self._owe(tag)
        for instance in going:
            if instance.tag == tag:
                alert(instance, MONITOR, "it is broken, and local recovery begins", self._settings, tell)
        self._remove(going, tell)

    def finish(self, tell: Callable[[Message], None]) -> None:
        """Go on taking down what an interrupted recovery had not, so that it can be brought back. Raises Failure."""
        with reading(self._paths.database) as connection:
            hierarchy = rows.hierarchy(connection)
        going = []
        for instance in hierarchy.of_tags(hierarchy.remove_order(hierarchy.tags)):
            if instance.state == ILLSTATE and instance.reason == TAKING_DOWN:
                going.append(instance)
        if going:
            self._remove(tuple(going), tell)

    def bring_back(self, tag: str, tell: Callable[[Message], None]) -> None:
        """Restore the tag and all it requires that is not in service. The admin lock must be held.

        Raises Failure, and marks OSF what failed, as bring_in_service() of the engine does.
        """
        moves.carry_out(ServiceMove(RESTORE, tag), self._paths, self._settings, tell)

    def _remove(self, going: tuple[Instance, ...], tell: Callable[[Message], None]) -> None:
        for position, instance in enumerate(going, 1):
            try:
                scripts.perform(instance, REMOVE, self._paths, self._settings)
            except Failure as failure:
                alert(instance, REMOVE, str(failure), self._settings, tell)
                raise
            alert(instance, REMOVE, "", self._settings, tell)
            tell(StepDone(position, len(going), f"{REMOVE} {instance.tag}"))
        with writing(self._paths.database) as connection:
            for instance in going:
                changes.set_state(connection, instance.tag, ILLSTATE, OWED)

    def _owe(self, tag: str) -> tuple[Instance, ...]:
        """Note on disk what must come back; returns it, parents first."""
        with writing(self._paths.database) as connection:
            hierarchy, wanted = rows.hierarchy(connection), rows.wanted(connection)
            owed = [each for each in hierarchy.of_tags(hierarchy.above(tag)) if _is_in_service(each, wanted)]
            for instance in owed:
                changes.set_state(connection, instance.tag, ILLSTATE, TAKING_DOWN)
            flags.create(connection, f"{_COUNTED}{time.monotonic():.6f}!{tag}")
        return tuple(owed)


def _is_in_service(instance: Instance, wanted: frozenset[str]) -> bool:
    if instance.state == ILLSTATE:
        return instance.tag in wanted
    return instance.state in IN_SERVICE


def _notes(connection: Connection, kind: str, tag: str) -> list[str]:
    return [fact for fact, noted in _all_notes(connection, kind) if noted == tag]


def _all_notes(connection: Connection, kind: str) -> list[tuple[str, str]]:
    """(fact, tag) of each note of this boot."""
    notes = []
    for flag in flags.names(connection):
        if flag.startswith(kind):
            fact, _, tag = flag[len(kind) :].partition("!")
            notes.append((fact, tag))
    return notes


def _forget(connection: Connection, kind: str, tags: Iterable[str]) -> None:
    gone = set(tags)
    for fact, tag in _all_notes(connection, kind):
        if tag in gone:
            flags.remove(connection, f"{kind}{fact}!{tag}")
