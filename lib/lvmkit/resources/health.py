"""The answer of a check, and when it is final.

What passes by itself counts as a fault only where a further look finds it again: LVM suspends a volume for the moment
of `lvcreate --snapshot` or `lvextend`, a driver blocks a disk while it waits for a path or resets a controller.
"""

from __future__ import annotations

import time

from lvmkit.model.messages import INFO, errors
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeVar

    from lvmkit.model.messages import Message

    Result = TypeVar("Result")

PAUSES = (0.25, 0.75, 2.0, 3.0)
"""seconds before each further look; together well within the 20 s of a monitor"""


class Health(Value):
    """What the kernel says about a resource; the entry that asked decides what that means for its caller."""

    messages: tuple[Message, ...]
    """what is wrong, or may become so"""
    is_up: bool
    """whether the kernel holds anything of it"""
    is_recorded: bool = True
    """whether a start of it is on record, which says what should be up"""

    @property
    def serious(self) -> tuple[Message, ...]:
        """What is wrong or may become so, without mere notes."""
        return tuple(message for message in self.messages if message.level != INFO)

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong; warnings don't count."""
        return not errors(self.messages)


def settled(
    look: Callable[[], Result], messages_of: Callable[[Result], Iterable[Message]], pauses: Sequence[float] = PAUSES
) -> Result:
    """What a check finds once nothing is on its way any more, or at its last look. Where all is well, one look is all.

    look: may be repeated.  messages_of: what its result says.  pauses: () for a caller that looks again by itself.
    """
    result = look()
    for pause in pauses:
        if not may_pass(messages_of(result)):
            break
        time.sleep(pause)
        result = look()
    return result


def may_pass(messages: Iterable[Message]) -> bool:
    """Whether there are faults, and all of them may be over soon."""
    serious = errors(messages)
    if not serious:
        return False
    from lvmkit.storage import vitals  # only where something is wrong

    return all(map(vitals.may_pass, serious))
