"""The far end between kits: one request on stdin, lines of JSON on stdout. Run as root, over ssh, by another kit.

The form is that of peer/wire.py, and so are the exit statuses. It offers what is in peer/requests.py and nothing else;
no word of a request reaches a shell, a path or an option before it has been checked. What it says goes to this server's
log as well. Where the other side has gone away, the next line cannot be written any more; then the work is taken back,
for nobody will hear that it was done.
"""

from __future__ import annotations

import os

from lvmkit.entry.boundary import guarded
from lvmkit.entry.report import Voice
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import NotRoot
from lvmkit.model.messages.guide import UsageError
from lvmkit.model.messages.peer import NotThatServer, OrderedBy, RequestRefused
from lvmkit.model.settings import Paths
from lvmkit.model.value import Value
from lvmkit.peer import wire
from lvmkit.peer.requests import (
    AskAdmission,
    AskBystanders,
    AskContents,
    AskDeeds,
    AskFindings,
    AskReadiness,
    OrderExtend,
    OrderForget,
    OrderFreeLock,
    OrderReconfigure,
    OrderRun,
    OrderUnextend,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lvmkit.model.messages import Message
    from lvmkit.peer.wire import Letter
    from lvmkit.plan import Kit

    Result = dict[str, Any]

PROGRAM = "lvmkit-peer"
_CHUNK = 65536


class PeerVoice(Voice):
    """A voice that speaks to the other end, and to this server's own log."""

    def tell(self, message: Message) -> None:
        """Say it. Nobody listening any more is no error here: see Speaker."""
        self.log(message)
        try:
            write_line(wire.message_line(message))
        except OSError:
            return


class Speaker:
    """Says what comes of the work; notices when nobody listens any more."""

    def __init__(self, log: Callable[[Message], None]) -> None:
        self._log = log
        self._is_heard = True

    def tell(self, message: Message) -> None:
        """Say it. Raises Interruption, once, when nobody listens any more: the way back must not be interrupted."""
        self._log(message)
        if not self._is_heard:
            return
        try:
            write_line(wire.message_line(message))
        except OSError as error:
            self._is_heard = False
            raise Interruption("SIGPIPE") from error


class Desk(Value):
    """One request and what is needed to answer it."""

    letter: Letter
    open_kit: Callable[[], Kit]

    def kit(self) -> Kit:
        """The kit on this server's engine. Raises Failure (110273) where another server was meant."""
        kit = self.open_kit()
        here = kit.port.local_server()
        if here != self.letter.server:
            raise Failure(NotThatServer(self.letter.server, here))
        return kit


def main(script: str, arguments: list[str]) -> int:
    """Answer the request on stdin; returns the exit code. script: real path of the program, <root>/bin/<name>."""
    from lvmkit.entry.kit import installed

    return answer(arguments, _read_request, installed(script))


def answer(
    arguments: list[str], read: Callable[[], bytes], paths: Paths, open_kit: Callable[..., Kit] | None = None
) -> int:
    """Introduce this kit, read the request, answer it. open_kit: makes the kit out of paths and a teller."""
    letters: list[Letter] = []
    voice = PeerVoice(PROGRAM, "peer", "request")

    def receive() -> int:
        _introduce()
        letters.append(_receive(arguments, read))
        return wire.DONE

    status = guarded(receive, voice, os.uname().nodename, lambda _first: wire.NOT_BEGUN, interruptible=False)
    for letter in letters:
        status = _serve(letter, paths, open_kit or _open_installed)
    return status


def _introduce() -> None:
    try:
        write_line(wire.hello())
    except OSError as error:
        raise Interruption("SIGPIPE") from error


def _receive(arguments: list[str], read: Callable[[], bytes]) -> Letter:
    """The request. Raises Failure (000002, 110103, 110270)."""
    if arguments:
        raise Failure(UsageError(f"{PROGRAM} (it takes no arguments, and a request on stdin)"))
    if os.geteuid() != 0:
        raise Failure(NotRoot(PROGRAM))
    return wire.decoded(read())


def _serve(letter: Letter, paths: Paths, open_kit: Callable[..., Kit]) -> int:
    voice = PeerVoice(PROGRAM, "peer", letter.request.name, letter.request.subject)
    speaker = Speaker(voice.log)

    def work() -> int:
        try:
            if letter.request.is_order:
                voice.log(OrderedBy(letter.asker, f"{letter.request.name} {letter.request.subject}"))
            desk = Desk(letter, lambda: open_kit(paths, speaker.tell))
            _say_result(_HANDLERS[letter.request.name](desk, letter.request))
        except Failure as failure:
            for message in failure.messages:
                speaker.tell(message)
            return wire.FAILED
        return wire.DONE

    return guarded(work, voice, os.uname().nodename, lambda _first: wire.FAILED)


def _bystanders(desk: Desk, question: AskBystanders) -> Result:
    from lvmkit.workflow.bystanders import bystanders

    port = desk.kit().port
    messages = bystanders(question.tags, port.hierarchy(), port.required_by_others)
    return {"bystanders": [wire.packed(message) for message in messages]}


def _admission(desk: Desk, question: AskAdmission) -> Result:
    from lvmkit.workflow.admission import reasons

    kit = desk.kit()
    messages = reasons(question.tags, kit.port.hierarchy(), kit, question.hurt)
    return {"reasons": [wire.packed(message) for message in messages]}


def _readiness(desk: Desk, question: AskReadiness) -> Result:
    from lvmkit.peer.answers import preview_facts
    from lvmkit.workflow.extend import ExtendRequest, preview

    request = ExtendRequest(question.tag, question.template, question.priority)
    return preview_facts(preview(request, desk.kit(), only_check=not question.with_steps))


def _contents(desk: Desk, question: AskContents) -> Result:
    from lvmkit.workflow.reconfigure import contents

    return {"contents": contents(question.tag, desk.kit())}


def _findings(desk: Desk, _question: AskFindings) -> Result:
    """Which server this is, is not asked: the doctor looks also where the engine does not answer."""
    from lvmkit import VERSION
    from lvmkit.peer.answers import Findings, findings_facts
    from lvmkit.storage.lvmconf import version_if_known
    from lvmkit.workflow.doctor import diagnose

    kit = desk.open_kit()
    return findings_facts(Findings(VERSION, diagnose(kit, here=True).findings, version_if_known(kit.lvm)))


def _deeds(desk: Desk, _question: AskDeeds) -> Result:
    from lvmkit.peer.answers import deeds_facts
    from lvmkit.storage.deeds import deeds

    return deeds_facts(deeds(deadline=desk.kit().settings.command_deadline))


def _extend(desk: Desk, order: OrderExtend) -> Result:
    from lvmkit.workflow.extend import ExtendRequest, extend

    return {"extended": extend(ExtendRequest(order.tag, order.template, order.priority), desk.kit(), is_told=True)}


def _unextend(desk: Desk, order: OrderUnextend) -> Result:
    from lvmkit.workflow.unextend import unextend

    return {"unextended": unextend(order.tag, desk.kit())}


def _reconfigure(desk: Desk, order: OrderReconfigure) -> Result:
    from lvmkit.workflow.reconfigure import reconfigure

    reconfigure(order.tag, desk.kit(), here=True, expected=order.contents)
    return {}


def _forget(desk: Desk, order: OrderForget) -> Result:
    from lvmkit.workflow.everywhere import forget

    forget(order.groups, desk.kit())
    return {}


def _free_lock(desk: Desk, _order: OrderFreeLock) -> Result:
    """Raises Failure (110083) where a process here holds the lock: then it is not left, but at work."""
    from contextlib import nullcontext

    from lvmkit.cluster.admin_lock import held

    kit = desk.kit()
    with held(kit.paths, 0.0, nullcontext):
        pass
    with kit.port.admin_lock("free what a killed run has left"):
        pass
    return {}


def _run(desk: Desk, order: OrderRun) -> Result:
    from lvmkit.storage import offered
    from lvmkit.storage.run import run

    paths = desk.kit().paths
    argv = (offered.program(order.words[0], paths.lkroot), *order.words[1:])
    finished = run(argv, deadline=float(order.timeout), environment=offered.environment(paths.lkroot))
    return {"status": finished.status, "stdout": finished.stdout, "stderr": finished.stderr}


_HANDLERS: dict[str, Callable[[Desk, Any], Result]] = {
    AskBystanders.name: _bystanders,
    AskAdmission.name: _admission,
    AskReadiness.name: _readiness,
    AskContents.name: _contents,
    AskFindings.name: _findings,
    AskDeeds.name: _deeds,
    OrderExtend.name: _extend,
    OrderUnextend.name: _unextend,
    OrderReconfigure.name: _reconfigure,
    OrderForget.name: _forget,
    OrderFreeLock.name: _free_lock,
    OrderRun.name: _run,
}


def _say_result(result: Result) -> None:
    """The last line. That nobody hears it changes nothing: what was done is done, and in the log."""
    try:
        write_line(wire.result_line(result))
    except OSError:
        return


def write_line(text: str) -> None:
    """A whole line on stdout. Raises OSError: of a reader that has gone, BrokenPipeError."""
    left = f"{text}\n".encode("ascii")
    while left:
        left = left[os.write(1, left) :]


def _read_request() -> bytes:
    """All of stdin. Raises Failure (110270) where it is longer than any request."""
    content = b""
    while chunk := os.read(0, _CHUNK):
        content += chunk
        if len(content) > wire.LONGEST_REQUEST:
            raise Failure(RequestRefused(f"it is longer than {wire.LONGEST_REQUEST} bytes"))
    return content


def _open_installed(paths: Paths, tell: Callable[[Message], None]) -> Kit:
    from lvmkit.entry.kit import kit  # the light questions need no engine

    return kit(paths, tell)
