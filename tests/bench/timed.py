"""Runs inside a guest: runs commands in turn, some rounds, and says how long each took.

On stdin JSON: {"rounds": N, "turns": [{"calls": [{"argv": [...], "env": {...}}, ...], "status": 0, "counts": true},
...]}; the calls of a turn follow each other. On stdout JSON: for each turn that counts a list of [seconds, seconds of
processor time], one for each round. A call that ends with another status than expected ends it all.
"""

from __future__ import annotations

import json
import os
import sys
import time

QUIET = os.open(os.devnull, os.O_RDWR)


def main() -> None:
    """Take every turn, in order, as often as there are rounds."""
    task = json.load(sys.stdin)
    taken: list[list[tuple[float, float]]] = [[] for _ in task["turns"]]
    for _ in range(task["rounds"]):
        for turn, times in zip(task["turns"], taken):
            each = [once(call["argv"], call["env"], turn["status"]) for call in turn["calls"]]
            times.append((sum(wall for wall, _ in each), sum(work for _, work in each)))
    json.dump([times for turn, times in zip(task["turns"], taken) if turn["counts"]], sys.stdout)


def once(argv: list[str], env: dict[str, str], wanted: int) -> tuple[float, float]:
    """Run one command; return the seconds that it took, and those of processor time, with what it started."""
    actions = [(os.POSIX_SPAWN_DUP2, QUIET, 0), (os.POSIX_SPAWN_DUP2, QUIET, 1)]
    start = time.monotonic()
    child = os.posix_spawn(argv[0], argv, {**os.environ, **env}, file_actions=actions)
    _, ended, usage = os.wait4(child, 0)
    seconds = time.monotonic() - start
    status = os.waitstatus_to_exitcode(ended)
    if status != wanted:
        sys.exit(f"{argv}: exit status {status}, not {wanted}")
    return seconds, usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
