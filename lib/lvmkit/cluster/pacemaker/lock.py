"""The admin lock of the whole cluster: one create, extend, delete, reconfigure or move at a time, on whatever server.

Two locks. On the server a file lock (flock(2)), which goes with its process. In the CIB a template 'lvmkit-lock_held',
which causes no action, made by a patch against the version that was read: of two servers that try, one is told that
the CIB has moved on. It names its server, boot and purpose. One that is found is a dead holder's, and replaced,
- when it names this server: for here the file lock is ours now;
- when its server is no active member of the cluster.
A server that holds it is asked once to free what a killed process has left there: only it can know. Where it cannot be
asked, the lock stays until the kit next changes anything there, or it leaves the cluster. Expiry by time is left out on
purpose: a move may lawfully take long, and clocks differ.
"""

from __future__ import annotations

import copy
import os
import time
from contextlib import contextmanager

from lvmkit.cluster.admin_lock import held
from lvmkit.cluster.pacemaker import commit, elements, location, release, states, template, tools
from lvmkit.cluster.pacemaker.elements import RESOURCES
from lvmkit.model.messages import Failure
from lvmkit.model.messages.pacemaker import LockHeldElsewhere, LockTakenOver
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from xml.etree.ElementTree import Element

    from lvmkit.cluster.pacemaker.tools import Tools
    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Paths

_POLL = 1.0


class Manner(Value):
    """How a lock is waited for."""

    patience: float
    """seconds"""
    tell: Callable[[Message], None]
    """learns of a lock that is taken over"""
    ask_holder: Callable[[str], None]
    """has another server free what no process there holds any more; returns when it has answered, whatever"""


class _Taken(Exception):
    """Another server holds the lock."""

    def __init__(self, server: str, purpose: str) -> None:
        super().__init__(server)
        self.server, self.purpose = server, purpose


def admin_lock(how: Tools, paths: Paths, server: str, purpose: str, manner: Manner) -> AbstractContextManager[None]:
    """Hold both locks while a `with` block runs; a process that has them already goes straight on.

    server: this one.  Entering raises Failure: 110083 when another process here holds it, 110164 when another server
    does.
    """
    return held(paths, manner.patience, lambda: _in_the_cib(how, server, purpose, manner))


@contextmanager
def _in_the_cib(how: Tools, server: str, purpose: str, manner: Manner) -> Iterator[None]:
    """Hold the entry in the CIB. One that was written when a signal came is taken out again, too."""
    is_refused = False
    try:
        try:
            _take(how, server, purpose, manner)
        except Failure:
            is_refused = True
            raise
        yield
    finally:
        if not is_refused:
            _release(how, server, manner.tell)


def _take(how: Tools, server: str, purpose: str, manner: Manner) -> None:
    limit = time.monotonic() + manner.patience
    asked: set[str] = set()
    while True:
        seen: list[tuple[str, str]] = []
        try:
            commit.change(
                how,
                lambda root: _with(root, server, purpose, lambda other: _is_alive(how, other), seen),  # noqa: B023
                is_structural=False,
            )
        except _Taken as taken:
            if time.monotonic() >= limit:
                raise Failure(LockHeldElsewhere(taken.server, taken.purpose, manner.patience)) from taken
            if taken.server in asked:
                time.sleep(_POLL)
            else:
                asked.add(taken.server)
                manner.ask_holder(taken.server)
            continue
        for former in seen[-1:]:
            manner.tell(LockTakenOver(*former))
        return


def _release(how: Tools, server: str, tell: Callable[[Message], None]) -> None:
    try:
        commit.change(how, lambda root: _without(root, server), is_structural=False)
    except Failure as failure:  # it must not hide what went wrong under the lock, and this server's next run frees it
        for message in failure.messages:
            tell(message)


def _is_alive(how: Tools, server: str) -> bool:
    """Whether a server may still be at work: it is a member of the cluster, or nobody has fenced it yet."""
    members = states.cluster(tools.crm_mon(how))
    return any(s.name == server and (s.online or s.unclean) for s in members.servers)


def _with(
    root: Element, server: str, purpose: str, is_alive: Callable[[str], bool], seen: list[tuple[str, str]]
) -> Element:
    """The CIB in which this server holds the lock; a dead holder's is replaced and noted in seen."""
    former = template.lock_holder(root)
    seen.clear()
    if former is not None:
        if former[0] != server and is_alive(former[0]):
            raise _Taken(*former)
        seen.append(former)
    made = location.settle(release.held_again(root))  # what a killed change left behind
    template.drop_lock(made)
    # The time makes each lock another one, so that taking over our own dead one is a change too.
    process = f"{os.getpid()}-{time.time_ns()}"
    elements.at(made, RESOURCES).append(template.make_lock(server, purpose, process))
    return made


def _without(root: Element, server: str) -> Element:
    """The CIB without this server's lock and what its moves needed; a lock that another server took stays as it is."""
    made = copy.deepcopy(root)
    former = template.lock_holder(root)
    if former is not None and former[0] == server:
        made = location.settle(made)
        template.drop_lock(made)
    return made
