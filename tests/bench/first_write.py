"""Runs inside a guest: waits until a file system is mounted, writes records, and says of each that it is safe.

Started before the file system comes, so that its own start is not measured.
Words: folder of the mount point, how many records, the code of the lab's writer.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

PAUSE = 0.02


def main(folder: str, count: int, code: str) -> None:
    """Wait, then write `count` records to the file `records` there, each acknowledged by its number on a line."""
    scope: dict[str, Any] = {"__name__": "writer"}
    exec(compile(code, "writer.py", "exec"), scope)  # noqa: S102 - our own code; -I lets nothing be imported
    below = os.stat(os.path.dirname(folder)).st_dev
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while os.stat(folder).st_dev == below:
        time.sleep(PAUSE)
    fd, author = scope["open_file"](f"{folder}/records"), os.urandom(16)
    number = os.fstat(fd).st_size // scope["RECORD_BYTES"]
    for each in range(number, number + count):
        if os.write(fd, scope["record"](each, author)) != scope["RECORD_BYTES"]:
            raise OSError(f"record {each} was written only in part")
        sys.stdout.write(f"{each}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
