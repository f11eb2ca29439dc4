"""What there is to do, done in several guests at once; what has been done before is not done again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from faults.states import State, reach
from lab.guests.errors import LabError
from lab.guests.guest import Guest
from lab.guests.lab import Lab
from lab.kept import Kept


@dataclass(frozen=True)
class Job:
    """One thing to do. item: what it is kept by.  needs: a digest of all that its result depends on.

    begin: the state that the guest is put into.  do: does it, and returns what JSON can hold.
    say: the result in words.  is_right: whether the result counts; else it is done again the next time.
    """

    item: str
    needs: str
    begin: State
    do: Callable[[Guest], Any]
    say: Callable[[Any], str]
    is_right: Callable[[Any], bool] = lambda result: True


class Queue:
    """Jobs that are left; threads take them."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._left = list(jobs)
        self._begun: set[str] = set()
        """states that somebody has made"""
        self._lock = threading.Lock()

    def take(self, made: set[str]) -> Job | None:
        """The next job, None where none is left: one that begins in a state which this guest has, or else nobody.

        made: labels of the states that this guest has; that of the job is added.
        """
        with self._lock:
            if not self._left:
                return None
            job = min(self._left, key=lambda it: self._distance(it.begin.label, made))
            self._left.remove(job)
            made.add(job.begin.label)
            self._begun.add(job.begin.label)
            return job

    def _distance(self, label: str, made: set[str]) -> int:
        if label in made:
            return 0
        return 2 if label in self._begun else 1


class Crew:
    """Guests that work off jobs."""

    def __init__(self, labs: Sequence[Lab], kept: Kept, say: Callable[[str], None]) -> None:
        self._labs, self._kept, self._say = labs, kept, say
        self._made: list[set[str]] = [set() for _ in labs]
        self._up: set[str] = set()
        self._begun = time.monotonic()

    def work_off(self, jobs: Sequence[Job]) -> None:
        """Do what is not kept or was not right. Ends when all is done; each result is kept at once."""
        left = [job for job in jobs if not _is_done(job, self._kept)]
        self._say(f"{len(jobs) - len(left)} of {len(jobs)} are kept from before, {len(left)} are left")
        queue = Queue(left)
        threads = [
            threading.Thread(target=self._work, args=(lab, queue, made), daemon=True)
            for lab, made in zip(self._labs, self._made)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def end(self) -> None:
        """Let go of the guests."""
        for lab in self._labs:
            lab.down()

    def _work(self, lab: Lab, queue: Queue, made: set[str]) -> None:
        job = queue.take(made)
        while job:
            try:
                self._do(lab, job)
            except LabError as error:
                self._tell(f"{job.item}: NOT DONE: {error}")
            job = queue.take(made)

    def _do(self, lab: Lab, job: Job) -> None:
        if lab.name not in self._up:
            lab.down()
            lab.up()
            self._up.add(lab.name)
        result = job.do(reach(lab, job.begin))
        self._kept.keep(job.item, job.needs, result)
        self._tell(job.say(result))

    def _tell(self, text: str) -> None:
        self._say(f"{time.monotonic() - self._begun:6.0f} s  {text}")


def _is_done(job: Job, kept: Kept) -> bool:
    result = kept.result(job.item, job.needs)
    return result is not None and job.is_right(result)
