"""What a monitor answers."""

from __future__ import annotations

from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.messages import Message


class Answer(Value):
    """What a monitor found."""

    code: int
    messages: tuple[Message, ...] = ()
