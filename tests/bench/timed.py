"""Runs inside a guest: runs commands in turn, some rounds, and says how long each took.

On stdin JSON: {"rounds": N, "turns": [{"argv": [...], "env": {...}, "status": 0, "counts": true}, ...]}. On stdout
JSON: for each turn that counts a list of seconds. A turn that ends with another status than expected ends it all.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

QUIET = os.open(os.devnull, os.O_RDWR)


def main() -> None:
    """Take every turn, in order, as often as there are rounds."""
    task = json.load(sys.stdin)
    taken: list[list[float]] = [[] for _ in task["turns"]]
    for _ in range(task["rounds"]):
        for turn, seconds in zip(task["turns"], taken):
            seconds.append(once(turn))
    json.dump([seconds for turn, seconds in zip(task["turns"], taken) if turn["counts"]], sys.stdout)


def once(turn: dict[str, Any]) -> float:
    """Run one command; return the seconds it took."""
    environment = {**os.environ, **turn["env"]}
    actions = [(os.POSIX_SPAWN_DUP2, QUIET, 0), (os.POSIX_SPAWN_DUP2, QUIET, 1)]
    start = time.monotonic()
    child = os.posix_spawn(turn["argv"][0], turn["argv"], environment, file_actions=actions)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    seconds = time.monotonic() - start
    if status != turn["status"]:
        sys.exit(f"{turn['argv']}: exit status {status}, not {turn['status']}")
    return seconds


if __name__ == "__main__":
    main()
