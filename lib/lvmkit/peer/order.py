"""Work that the kit on another server does there, with its own plan, journal, admin lock and way back.

What it says is told here as it comes, its errors are raised. Where the connection breaks, or the deadline ends, while
the other server is at work, the failure ends with the warning that the outcome is not known (110209).
"""

from __future__ import annotations

from contextlib import suppress

from lvmkit.model.messages import Failure
from lvmkit.model.messages.extend import ConnectionLost, OutcomeUnknown, ServerTooSlow
from lvmkit.peer.answers import texts
from lvmkit.peer.call import call
from lvmkit.peer.requests import OrderForget, OrderFreeLock, OrderUnextend
from lvmkit.peer.transport import CONNECT_PATIENCE
from lvmkit.peer.wire import garbled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lvmkit.model.messages import Message
    from lvmkit.peer.remote import RemoteKit
    from lvmkit.peer.requests import OrderExtend, OrderReconfigure, OrderRun, Request
    from lvmkit.storage.run import Finished

    Teller = Callable[[Message], None]


def extend(kit: RemoteKit, order: OrderExtend, tell: Teller, *, deadline: float) -> tuple[str, ...]:
    """Have a server extend a hierarchy to itself; returns the tags that it got.

    deadline: seconds for the work; the time for connecting is added. Raises Failure as call.call().
    """
    work = f"extension of {order.tag} to {kit.server}"
    return _tags(kit, _done(kit, order, tell, work, deadline), "extended")


def unextend(kit: RemoteKit, tag: str, tell: Teller, *, deadline: float) -> tuple[str, ...]:
    """Have a server take itself from a hierarchy; returns the tags that it lost. deadline, Raises: as extend()."""
    work = f"unextension of {tag} from {kit.server}"
    return _tags(kit, _done(kit, OrderUnextend(tag), tell, work, deadline), "unextended")


def reconfigure(kit: RemoteKit, order: OrderReconfigure, tell: Teller, *, deadline: float) -> None:
    """Have a server's part of a hierarchy follow its volume group. deadline, Raises: as extend()."""
    _done(kit, order, tell, f"reconfiguration of {order.tag} on {kit.server}", deadline)


def forget(kit: RemoteKit, groups: tuple[str, ...], tell: Teller, *, deadline: float) -> None:
    """Have a server take volume groups off its list. deadline, Raises: as extend()."""
    _done(kit, OrderForget(groups), tell, f"removal of {', '.join(groups)} from the list on {kit.server}", deadline)


def free_lock(kit: RemoteKit, tell: Teller, *, deadline: float) -> None:
    """Have a server free the admin lock that a killed process has left there; a live one's stays.

    deadline: seconds in all. Where it does not answer nothing is known, and the lock is waited for all the same.
    """
    with suppress(Failure):
        call(kit, OrderFreeLock(), tell, deadline=deadline)


def run_program(kit: RemoteKit, order: OrderRun, tell: Teller) -> Finished:
    """Have a server run a program of a kit; returns how it ended. Raises Failure: 110392, and as call.call()."""
    from lvmkit.storage.run import Finished

    result = _done(kit, order, tell, f"{order.words[0]} on {kit.server}", float(order.timeout))
    try:
        status, out, err = result["status"], result["stdout"], result["stderr"]
    except (LookupError, TypeError) as error:
        raise garbled(kit.server, error) from error
    if type(status) is not int or not isinstance(out, str) or not isinstance(err, str):
        raise garbled(kit.server, TypeError(f"not an exit status with output: {status!r}"))
    return Finished(order.words, status, out, err, 0.0)


def _done(kit: RemoteKit, order: Request, tell: Teller, work: str, deadline: float) -> dict[str, Any]:
    try:
        return call(kit, order, tell, deadline=CONNECT_PATIENCE + deadline)
    except Failure as failure:
        if isinstance(failure.messages[-1], (ServerTooSlow, ConnectionLost)):
            raise Failure(*failure.messages, OutcomeUnknown(work, kit.server)) from failure
        raise


def _tags(kit: RemoteKit, result: dict[str, Any], name: str) -> tuple[str, ...]:
    try:
        return texts(result[name])
    except (LookupError, TypeError) as error:
        raise garbled(kit.server, error) from error
