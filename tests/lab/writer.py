"""Write numbered records to a file and say of each that it is safe; find out later whether that was true.

The first half runs inside the guest, as `python3 -IS writer.py FILE SECONDS [only-mounted]`: it appends records until
it is killed; with `only-mounted` in nothing but the root folder of a mounted file system. A record is acknowledged, by
its number on a line of standard output, once write(2) on a file opened with O_DSYNC has returned: from then on nobody
may lose it. A writer that finds a file goes on after its last record. FILE may be a block device: then each record has
a block of its own, written past the page cache, and `writer.py DEVICE 0 records` prints those that are there.
The second half, `examine`, is for the host. Standard library only.
"""

from __future__ import annotations

import mmap
import os
import stat
import struct
import sys
import time
import zlib
from collections.abc import Collection

BODY = struct.Struct(">8sQ16s28s")
CHECKSUM = struct.Struct(">I")
RECORD_BYTES = BODY.size + CHECKSUM.size
MAGIC = b"lvmkit r"
PERMISSIONS = 0o600
ONLY_MOUNTED, RECORDS = "only-mounted", "records"
BLOCK = 4096
"""Bytes between two records on a block device."""


def record(number: int, author: bytes) -> bytes:
    """Return the record with that number, written by the writer called `author` (16 bytes, random)."""
    body = BODY.pack(MAGIC, number, author, b"")
    return body + CHECKSUM.pack(zlib.crc32(body))


def parse(data: bytes) -> tuple[int, bytes] | None:
    """Return (number, author) of a record, None when it is damaged."""
    if len(data) != RECORD_BYTES or CHECKSUM.unpack_from(data, BODY.size)[0] != zlib.crc32(data[: BODY.size]):
        return None
    magic, number, author, _rest = BODY.unpack_from(data)
    return (number, author) if magic == MAGIC else None


def open_file(path: str) -> int:
    """Open the file for synchronous appending; cut off a record that was not finished, so never acknowledged."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_DSYNC | os.O_CLOEXEC, PERMISSIONS)
    size = os.fstat(fd).st_size
    if size % RECORD_BYTES:
        os.ftruncate(fd, size - size % RECORD_BYTES)
    os.fsync(fd)
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(folder)
    os.close(folder)
    return fd


def write(path: str, pause: float) -> None:
    """Append records for ever, `pause` seconds apart. Raises OSError when the file can't be written."""
    fd, author = open_file(path), os.urandom(16)
    number = os.fstat(fd).st_size // RECORD_BYTES
    while True:
        data = record(number, author)
        if os.write(fd, data) != len(data):
            raise OSError(f"{path}: record {number} was written only in part")
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        number += 1
        time.sleep(pause)


def open_device(path: str) -> int:
    """Open a block device for synchronous reads and writes past the page cache."""
    return os.open(path, os.O_RDWR | os.O_DIRECT | os.O_DSYNC | os.O_CLOEXEC)


def records_on(device: int) -> list[bytes]:
    """Return the records from the start of a device up to the first block that holds none, or another one's."""
    buffer = mmap.mmap(-1, BLOCK)
    records: list[bytes] = []
    while os.preadv(device, [buffer], len(records) * BLOCK) == BLOCK:
        data = buffer[:RECORD_BYTES]
        found = parse(data)
        if found is None or found[0] != len(records):
            break
        records.append(data)
    return records


def write_raw(path: str, pause: float) -> None:
    """Write records to a block device for ever, `pause` seconds apart. Raises OSError when it can't be written."""
    device, author, buffer = open_device(path), os.urandom(16), mmap.mmap(-1, BLOCK)
    number = len(records_on(device))
    while True:
        buffer[:RECORD_BYTES] = record(number, author)
        if os.pwritev(device, [buffer], number * BLOCK) != BLOCK:
            raise OSError(f"{path}: record {number} was written only in part")
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        number += 1
        time.sleep(pause)


def examine(data: bytes, acknowledged: Collection[int]) -> list[str]:
    """Return what is wrong with a file of records, nothing if all is well.

    data: all of the file.  acknowledged: numbers of the records that were said to be safe.
    Wrong are a damaged record, one in another's place, and an acknowledged one that is not there. Right is an
    unfinished one at the end: the power may fail while it is written.
    """
    whole = len(data) // RECORD_BYTES
    faults, good = [], set()
    for place in range(whole):
        found = parse(data[place * RECORD_BYTES : (place + 1) * RECORD_BYTES])
        if found is None:
            faults.append(f"record {place}: damaged")
        elif found[0] != place:
            faults.append(f"record {place}: is record {found[0]}")
        else:
            good.add(place)
    lost = sorted(set(acknowledged) - good)
    return faults + [f"record {number}: acknowledged and lost" for number in lost]


def refuse_bare_folder(path: str) -> None:
    """Hold the file's folder for as long as this process lives. Raises OSError where it is no mount point.

    So a file system that goes at this moment cannot make the records land in the folder below it.
    """
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    os.fchdir(folder)
    if os.fstat(folder).st_dev == os.stat("..").st_dev:
        raise OSError(f"{path}: no file system is mounted there")


if __name__ == "__main__":
    file = sys.argv[1]
    if sys.argv[3:] == [ONLY_MOUNTED]:
        refuse_bare_folder(file)
        file = f"./{os.path.basename(file)}"
    if sys.argv[3:] == [RECORDS]:
        sys.stdout.buffer.write(b"".join(records_on(open_device(file))))
    elif stat.S_ISBLK(os.stat(file).st_mode if os.path.exists(file) else 0):
        write_raw(file, float(sys.argv[2]))
    else:
        write(file, float(sys.argv[2]))
