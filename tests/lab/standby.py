"""Runs inside a guest: stands by until a file system is mounted, then writes records and says of each that it is safe.

It has started before the file system comes, so that its own start is not measured.
Words: a file on the file system, how many records, the code of writer.py. On standard output: `ready`, `mounted`, then
the number of each record that is safe. It goes on after the last record in the file.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PAUSE = 0.02


def main(path: str, count: int, code: str) -> None:
    """Wait, then write. Raises OSError when a record can't be written."""
    scope: dict[str, Any] = {"__name__": "writer"}
    exec(compile(code, "writer.py", "exec"), scope)  # noqa: S102 - our own code; -I lets nothing be imported
    folder = os.path.dirname(path)
    below = os.stat(os.path.dirname(folder)).st_dev
    say("ready")
    while os.stat(folder).st_dev == below:
        time.sleep(PAUSE)
    say("mounted")
    fd, author = scope["open_file"](path), os.urandom(16)
    number = os.fstat(fd).st_size // scope["RECORD_BYTES"]
    for each in range(number, number + count):
        if os.write(fd, scope["record"](each, author)) != scope["RECORD_BYTES"]:
            raise OSError(f"record {each} was written only in part")
        say(str(each))


def say(word: str) -> None:
    """Tell the host at once."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
