"""What the page starts in the place of /usr/sbin/lvmkit: it prints what the backend prints.

    stand_in.py SOCKET WORD...

With --watch it asks again and again, until it is killed. Standard library only.
"""

from __future__ import annotations

import json
import socket
import sys
import time

PAUSE = 0.3
"""seconds between two looks"""


def ask(path: str, request: dict[str, object], *, without_result: bool = False) -> int:
    """Have the backend do it; its exit status."""
    with socket.socket(socket.AF_UNIX) as backend:
        backend.connect(path)
        backend.sendall(json.dumps(request).encode() + b"\n")
        for line in backend.makefile():
            said = json.loads(line)
            if "exit" in said:
                return int(said["exit"])
            if not (without_result and '"event": "result"' in said["out"]):
                sys.stdout.write(said["out"])
                sys.stdout.flush()
    return 1


def main(path: str, words: list[str]) -> int:
    """Run a command."""
    if "--watch" not in words:
        return ask(path, {"words": words})
    while True:
        status = ask(path, {"words": words}, without_result=True)
        if status:
            return status
        time.sleep(PAUSE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
