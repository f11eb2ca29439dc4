"""The watcher as a program: `lvmkit-watch`, run by its systemd unit. Standard library only.

Exit 0: it was told to end, or another kit was installed; 3: nobody wants this server to be watched; 1: it could not
begin.
"""

from __future__ import annotations

import gc
import json
import os
import resource
from functools import partial

import lvmkit
from lvmkit.entry.boundary import guarded
from lvmkit.entry.kit import installed, kit
from lvmkit.entry.report import Voice
from lvmkit.entry.textfile import write_textfile
from lvmkit.model.messages import Failure, catalogue
from lvmkit.model.messages.command import NotRoot
from lvmkit.model.messages.guide import UsageError
from lvmkit.model.messages.watch import WatchOff
from lvmkit.model.resource_types import RESOURCE_TYPES
from lvmkit.model.value import Value
from lvmkit.resources import dispatch
from lvmkit.storage import files, locks
from lvmkit.storage.supervisor import supervisor
from lvmkit.view.document import document
from lvmkit.view.watch import watch_facts
from lvmkit.watch import sight
from lvmkit.watch.agenda import Agenda
from lvmkit.watch.ears import Ears
from lvmkit.watch.sight import Sight
from lvmkit.watch.watcher import OFF, Report, Watcher, Work
from lvmkit.workflow.answer import answer_fault
from lvmkit.workflow.look import check_at_hand
from lvmkit.workflow.watcher import is_wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Paths
    from lvmkit.plan import Kit

PROGRAM = "lvmkit-watch"
MOST_MEMORY = 256 << 20
"""bytes of data, ten times what it needs: one that grew would be started anew rather than press on the server"""


class Post(Value):
    """What the children of a watcher work with."""

    paths: Paths
    voice: Voice
    limits: tuple[int, int]
    """of memory, that what they start is to have"""
    library: str = ""
    """the link by which an installed library is found"""
    asks_engine: bool = False
    """whether the engine is told of faults, and does not leave recovery to the kit"""


def main(script: str, arguments: list[str]) -> int:
    """Watch until told to end; returns the exit code. script: real path of the program, <root>/bin/<name>."""
    paths, voice = installed(script), Voice(PROGRAM, "kit", "watch")

    def work() -> int:
        if arguments:
            raise Failure(UsageError(PROGRAM))
        if os.geteuid() != 0:
            raise Failure(NotRoot(PROGRAM))
        library = os.path.join(os.path.dirname(os.path.dirname(script)), "lib/lvmkit")
        files.make_folder(paths.run, mode=0o755)
        with locks.locked(paths.watch_lock, what="the watch of this server", patience=0.0):
            return watch(paths, voice, library)

    return guarded(work, voice, os.uname().nodename, lambda message: message.script_exit, interruptible=False)


def watch(paths: Paths, voice: Voice, library: str = "") -> int:
    """The work of a watcher that is alone; returns the exit code. Raises Failure where it cannot begin.

    library: the link by which an installed library is found.
    """
    tools, parent = kit(paths, voice.tell), supervisor()
    if not is_wanted(tools):
        voice.tell(WatchOff(os.uname().nodename))
        parent.ready()  # for systemd a service that ends before it is ready has failed, whatever its exit code
        return OFF
    _load_all()
    post = Post(paths, voice, resource.getrlimit(resource.RLIMIT_DATA), library, tools.port.recovery is None)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, post.limits[1]))
    interval = tools.settings.watch_interval
    work = Work(partial(look, post), partial(answer, post), post.asks_engine)
    ears = Ears(voice.tell, interval)
    publish = Publisher(paths, voice, interval).publish
    return Watcher(work, ears, Agenda(interval), parent, voice.tell, publish).run()


def look(post: Post, previous: Sight) -> bytes:
    """What a child does that looks; returns what it has seen. What kept the look before from it is not told again."""
    if is_replaced(post.library):
        return sight.packed(Sight(is_replaced=True))
    seen = Sight(previous.server, previous.resources)

    def work() -> int:
        nonlocal seen
        try:
            seen = _seen(kit(post.paths, _unheard, previous.server), post)
        except Failure as failure:
            seen = Sight(previous.server, previous.resources, sight.remarks(failure.messages))
            for message in failure.messages:
                if not set(sight.remarks((message,))) <= set(previous.trouble):
                    post.voice.tell(message)
        return 0

    code = guarded(work, post.voice, os.uname().nodename, lambda _message: 1, interruptible=False)
    return b"" if code else sight.packed(seen)


def is_replaced(library: str) -> bool:
    """Whether another library than this one is installed by now: this one stays for a day only."""
    return os.path.exists(library) and os.path.realpath(library) != os.path.dirname(os.path.realpath(lvmkit.__file__))


def answer(post: Post, previous: Sight) -> bytes:
    """What a child does that has the engine act; returns what came of it."""
    resource.setrlimit(resource.RLIMIT_DATA, post.limits)
    answers: list[bytes] = []

    def work() -> int:
        tools = kit(post.paths, post.voice.tell, previous.server)
        given = answer_fault(tools)
        answers.append(json.dumps(given.as_dict()).encode())
        if tools.settings.metrics:
            write_textfile(tools)
        return 0

    guarded(work, post.voice, os.uname().nodename, lambda _message: 1)
    return b"".join(answers)


class Publisher:
    """Writes what was seen, for status and for whoever else reads it. A file that cannot be written is told once."""

    def __init__(self, paths: Paths, voice: Voice, interval: int) -> None:
        """interval: seconds between two looks."""
        self._path, self._voice, self._interval = paths.watch, voice, interval
        self._is_told = False

    def publish(self, report: Report) -> None:
        """Write it, in one step."""
        text = document(watch_facts(report, os.getpid(), self._interval), compact=True)
        try:
            files.replace(self._path, text)
            self._is_told = False
        except Failure as failure:
            if not self._is_told:
                self._voice.tell_all(failure.messages)
            self._is_told = True


def _seen(tools: Kit, post: Post) -> Sight:
    if not is_wanted(tools):
        return Sight(is_off=True)
    if (tools.port.recovery is None) != post.asks_engine:
        return Sight(is_replaced=True)
    results = check_at_hand(tools)
    return Sight(tools.port.local_server(), sight.seen(results))


def _unheard(_message: Message) -> None:
    """What a look says besides its results: of settings that are not valid, at each look again."""


def _load_all() -> None:
    """Load what children need, once: each of them is a fork of this process."""
    catalogue()
    for kind in RESOURCE_TYPES:
        dispatch.verbs_of(kind)
    gc.collect()
    gc.freeze()
