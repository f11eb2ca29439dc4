"""The loop: wait for news, for a child, for a signal or for the time of the next look; never for anything else."""

from __future__ import annotations

import os
import select
import signal
import time
from functools import partial

from lvmkit.model.messages.watch import LookFailed, NewsLost, WatchBegins
from lvmkit.model.value import Value
from lvmkit.watch import child, sight
from lvmkit.watch.child import Child
from lvmkit.watch.judgement import ALWAYS, Memory, after_arrival, judge
from lvmkit.watch.sight import Sight

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.model.messages import Message
    from lvmkit.storage.supervisor import Supervisor
    from lvmkit.watch.agenda import Agenda
    from lvmkit.watch.ears import Ears

LOOK_DEADLINE = 30.0
"""seconds for a look, which takes milliseconds"""
ANSWER_DEADLINE = 3600.0
"""seconds for what the engine does about a fault: each of its steps has a deadline of its own"""
STOP_PATIENCE = 60.0
"""seconds that a recovery gets for its way back when the service is stopped"""
MOST_STUCK = 4
"""looks that may wait for a dead disk; with so many, there is no further one before one of them ends"""
DONE, OFF = 0, 3
"""exit codes: told to end, or to be started anew; nobody wants this server to be watched"""

_ENDING = (signal.SIGTERM, signal.SIGINT)
_ASKING = (signal.SIGHUP, signal.SIGCONT)
_JUMP = 1.0
"""seconds by which the clocks move apart where the machine was suspended"""


class Work(Value):
    """What is done in children; each gives bytes, and raises nothing."""

    look: Callable[[Sight], bytes]
    """takes the last sight"""
    answer: Callable[[Sight], bytes]
    repeats: bool
    """whether an engine is asked again about what lasts"""


class Report(Value):
    """How it stands, for those who ask."""

    sight: Sight
    idle: frozenset[str]
    """tags that are down, which is no fault"""
    seconds: float
    """of a processor, for the last look"""
    news: tuple[str, ...]
    """what the kernel tells of"""


class Watcher:
    """The state between two turns of the loop."""

    def __init__(
        self,
        work: Work,
        ears: Ears,
        agenda: Agenda,
        supervisor: Supervisor,
        tell: Callable[[Message], None],
        publish: Callable[[Report], None],
        make_child: Callable[[Callable[[], bytes], float], Child] = Child,
    ) -> None:
        """publish: makes known how it stands, after each look."""
        self._work, self._ears, self._agenda = work, ears, agenda
        self._supervisor, self._tell, self._publish, self._make_child = supervisor, tell, publish, make_child
        self._child: Child | None = None
        self._is_answer = self._is_told_to_end = False
        self._memory = Memory(ALWAYS if work.repeats else 0)
        self._sight = Sight()
        self._idle: frozenset[str] = frozenset()
        self._exit: int | None = None
        self._own_cost = 0.0
        self._planned = float("inf")
        self._offset = _suspended()
        self._signals = -1
        self._tell_lost_again = float("-inf")

    def run(self) -> int:
        """Watch until somebody says that it is enough; returns the exit code."""
        self._signals = _signal_pipe()
        self._ears.open()
        self._tell(WatchBegins(self._ears.what, round(self._agenda.interval)))
        self._supervisor.ready()
        while self._exit is None:
            self.turn()
        self._supervisor.stopping()
        self._end_child()
        self._ears.close()
        return self._exit

    def turn(self) -> None:
        """Do what is due, then wait for what comes next and attend to it."""
        now = time.monotonic()
        self._notice_standstill(now)
        self._supervisor.alive()
        if self._child is not None and now >= self._child.end:
            self._give_up(self._child, now)
        elif self._child is None and now >= self._agenda.next:
            self._begin_look(now)
        for handle, event in self._wait(now):
            self._attend(handle, event)

    def _wait(self, now: float) -> list[tuple[int, int]]:
        """What is ready: (descriptor, event) of each."""
        poller = select.poll()
        for handle, mask in self._ears.masks.items():
            poller.register(handle, mask)
        if self._signals >= 0:
            poller.register(self._signals, select.POLLIN)
        for handle in self._child.handles if self._child is not None else ():
            poller.register(handle, select.POLLIN)
        self._planned = self._agenda.next if self._child is None else self._child.end
        if self._supervisor.patience:
            self._planned = min(self._planned, now + self._supervisor.patience / 3)
        return poller.poll(max(0.0, self._planned - now) * 1000)

    def _attend(self, handle: int, event: int) -> None:
        if handle == self._signals:
            self._heed(os.read(handle, 256))
        elif self._child is not None and handle in self._child.handles:
            self._hear(self._child)
        elif handle in self._ears.masks:
            self._take_news(handle, event)

    def _take_news(self, handle: int, event: int) -> None:
        news = self._ears.take(handle, event)
        now = time.monotonic()
        if news.has_new_disk:
            self._memory = after_arrival(self._memory)
        if news.is_overrun:
            self._tell_lost("there was too much of it at once", now)
        if news.is_relevant:
            self._agenda.heard(now)

    def _heed(self, signals: bytes) -> None:
        if any(number in _ENDING for number in signals):
            self._exit = DONE
        if any(number in _ASKING for number in signals):
            self._agenda.ask_for(time.monotonic())

    def _notice_standstill(self, now: float) -> None:
        """Look at everything where this process, or the whole machine, stood still for longer than an interval."""
        late, offset = now - self._planned, _suspended()
        if late > self._agenda.interval or offset - self._offset > _JUMP:
            self._tell_lost(f"nothing ran for {round(max(late, offset - self._offset))} s", now)
            self._agenda.ask_for(now)
        self._offset = offset
        self._planned = float("inf")

    def _tell_lost(self, why: str, now: float) -> None:
        """Say it once a minute at most: in a storm of news it happens all the time."""
        if now >= self._tell_lost_again:
            self._tell_lost_again = now + 60
            self._tell(NewsLost(why))

    def _begin_look(self, now: float) -> None:
        self._agenda.begin()
        stuck = child.stuck()
        if stuck >= MOST_STUCK:
            self._take_sight(self._failed(f"{stuck} earlier ones still wait"), 0.0)
            return
        self._own_cost = time.process_time()
        self._ears.open()
        self._is_answer = False
        try:
            self._child = self._make_child(partial(self._work.look, self._sight), now + LOOK_DEADLINE)
        except OSError as error:  # no memory for a fork, or too many processes
            self._take_sight(self._failed(f"it could not begin, {error.strerror}"), 0.0)

    def _begin_answer(self, now: float) -> None:
        self._child = self._make_child(partial(self._work.answer, self._sight), now + ANSWER_DEADLINE)
        self._is_answer, self._is_told_to_end = True, False

    def _hear(self, worker: Child) -> None:
        """Take what a child says; what it has said in the end is acted on."""
        if not worker.hear():
            return
        said = worker.answer()
        self._child = None
        if self._is_answer:
            self._idle = sight.idle(said, self._idle)
            self._agenda.ask_for(time.monotonic())
        else:
            seen = sight.unpacked(said) or self._failed("its process ended before it was done")
            self._take_sight(seen, worker.cost + time.process_time() - self._own_cost)

    def _give_up(self, worker: Child, now: float) -> None:
        """A child is late. A recovery is told to end first, and gets time for its way back."""
        if self._is_answer and not self._is_told_to_end:
            self._is_told_to_end = True
            worker.signal(signal.SIGTERM)
            worker.end = now + STOP_PATIENCE
            return
        self._child = None
        worker.give_up()
        if self._is_answer:
            self._agenda.ask_for(now)
        else:
            self._take_sight(self._failed(f"no answer within {LOOK_DEADLINE:.0f} s"), worker.cost)

    def _failed(self, why: str) -> Sight:
        """The sight of a look that saw nothing. It is told once, for as long as it lasts."""
        message = LookFailed(why)
        trouble = sight.remarks((message,))
        if trouble != self._sight.trouble:
            self._tell(message)
        return Sight(self._sight.server, self._sight.resources, trouble)

    def _take_sight(self, seen: Sight, cost: float) -> None:
        now = time.monotonic()
        self._agenda.end(now, cost)
        self._sight = seen
        self._idle &= {tag for tag, _number, _text in seen.causes}
        if seen.is_off or seen.is_replaced:
            self._exit = OFF if seen.is_off else DONE
            return
        if not seen.trouble:
            judgement = judge(seen, self._memory, now)
            self._memory = judgement.memory
            self._agenda.ask_for(now + judgement.look_again)
            if judgement.must_answer:
                self._begin_answer(now)
        self._publish(Report(seen, self._idle, cost, self._ears.what))
        self._supervisor.tell(in_words(seen, self._idle))

    def _end_child(self) -> None:
        """At the end: a look is given up; a recovery is told to end and gets time for its way back."""
        if self._child is None:
            return
        if not self._is_answer:
            self._child.give_up()
            return
        self._child.signal(signal.SIGTERM)
        poller = select.poll()
        for handle in self._child.handles:
            poller.register(handle, select.POLLIN)
        end = time.monotonic() + STOP_PATIENCE
        while time.monotonic() < end:
            self._supervisor.alive()
            if poller.poll(1000) and self._child.hear():
                break


def in_words(seen: Sight, idle: frozenset[str]) -> str:
    """How it stands, in one line."""
    if seen.trouble:
        return seen.trouble[0].text
    failed = [each.tag for each in seen.resources if each.causes and each.tag not in idle]
    watched = f"Watching {len(seen.resources)} resources"
    return f"{watched}; failed: {', '.join(failed)}" if failed else f"{watched}; none has failed"


def _suspended() -> float:
    """Seconds for which the machine was suspended since it booted (clock_gettime(2))."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


def _signal_pipe() -> int:
    """A descriptor on which the number of each signal arrives that means something to the loop."""
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (*_ENDING, *_ASKING):
        signal.signal(number, lambda *_: None)
    return reading
