"""What the page starts in the place of /usr/sbin/lvmkit: it prints what the backend prints.

    stand_in.py SOCKET WORD...

With --watch it asks again and again, until it is killed. Standard library only.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time

PAUSE = 0.3
"""seconds between two looks"""


def ask(path: str, request: dict[str, object], *, goes_on: bool = False) -> int:
    """Have the backend do it; its exit status. goes_on: whether the last line is no end, where all is well."""
    result = ""
    with socket.socket(socket.AF_UNIX) as backend:
        backend.connect(path)
        backend.sendall(json.dumps(request).encode() + b"\n")
        for line in backend.makefile():
            said = json.loads(line)
            if "exit" in said:
                _print("" if goes_on and said["exit"] == 0 else result)
                return int(said["exit"])
            if '"event": "result"' in said["out"]:
                result = said["out"]
            else:
                _print(said["out"])
    return 1


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def main(path: str, words: list[str]) -> int:
    """Run a command."""
    language = {name: os.environ.get(name, "") for name in ("LC_ALL", "LANGUAGE", "LC_MESSAGES", "LANG")}
    request = {"words": words, "language": language}
    if "--watch" not in words:
        return ask(path, request)
    while True:
        status = ask(path, request, goes_on=True)
        if status:
            return status
        time.sleep(PAUSE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
