"""How the kernel tells that something has changed: each way is a descriptor to wait for with poll(2).

None of them says all, and each may lose something. They only say that it is time to look.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
from contextlib import suppress
from functools import partial

from lvmkit.model.value import Value
from lvmkit.storage import dm, fanotify, mountinfo, probe, uevent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.storage.mountinfo import Mount

MOUNTS = "/proc/self/mountinfo"

_KOBJECT_UEVENT, _OF_KERNEL = 15, 1
"""netlink protocol and multicast group (linux/netlink.h; group 2 is udev's)"""
_KERNEL = 0
"""netlink address and process ID of the kernel"""
_SO_RCVBUFFORCE = 33
"""asm-generic/socket.h: may go beyond net.core.rmem_max"""
_BUFFER = 1 << 20
_LARGEST = 1 << 14
"""bytes of a datagram; the kernel's have up to 2048 and their head (UEVENT_BUFFER_SIZE)"""
_MOST = 1024
"""datagrams that are read in a row"""
_NO_DEVICE = "0:"
"""how the number of a file system begins that is on no block device"""
_WALK = 0.25
"""seconds to reach mount points, which are in memory"""
_CREDENTIALS = struct.Struct("=iII")
"""struct ucred: pid, uid, gid"""


class News(Value):
    """What was heard since the last time."""

    is_relevant: bool
    """whether it is time to look"""
    has_new_disk: bool = False
    is_overrun: bool = False
    """whether there was more than the kernel could keep for us, so nobody knows what"""


class Uevents:
    """The uevents of the kernel. Making one raises OSError where there is no such socket."""

    what = "disks and device-mapper (netlink)"
    mask = select.POLLIN

    def __init__(self) -> None:
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._socket = socket.socket(socket.AF_NETLINK, kind, _KOBJECT_UEVENT)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            self._socket.bind((0, _OF_KERNEL))
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """The descriptor."""
        return self._socket.fileno()

    def refresh(self) -> None:
        """Nothing: it hears of all devices."""

    def take(self) -> News:
        """Read what is there, at most so much that others get their turn."""
        events: list[uevent.Uevent] = []
        is_overrun = False
        for _ in range(_MOST):
            try:
                datagram, ancillary, _flags, sender = self._socket.recvmsg(
                    _LARGEST, socket.CMSG_SPACE(_CREDENTIALS.size)
                )
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                is_overrun = True
                continue
            event = uevent.parse(datagram) if is_from_kernel(sender, ancillary) else None
            if event is not None and event.is_of_storage:
                events.append(event)
        return News(bool(events) or is_overrun, any(event.is_new_disk for event in events), is_overrun)

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


class MapperEvents:
    """Device-mapper's own events: a device made, changed or gone, and what its targets report, as a lost leg.

    Making one raises OSError where the kernel has no device-mapper, or one before interface version 4.37 (Linux 4.14).
    """

    what = "device-mapper's targets"
    mask = select.POLLIN

    def __init__(self) -> None:
        self._control = os.open(dm.CONTROL, os.O_RDWR | os.O_CLOEXEC)
        try:
            dm.arm_poll(self._control)
        except OSError:
            os.close(self._control)
            raise

    def fileno(self) -> int:
        """The descriptor."""
        return self._control

    def refresh(self) -> None:
        """Nothing: it hears of all devices."""

    def take(self) -> News:
        """Wait for what comes from now on."""
        dm.arm_poll(self._control)
        return News(True)

    def close(self) -> None:
        """Listen no more."""
        os.close(self._control)


class MountEvents:
    """Mounts and unmounts in the mount namespace of this process. Source: proc(5), /proc/PID/mounts and poll(2).

    Making one raises OSError.
    """

    what = "mounts"
    mask = select.POLLPRI
    """POLLIN is always there; POLLERR needs no asking"""

    def __init__(self) -> None:
        self._table = os.open(MOUNTS, os.O_RDONLY | os.O_CLOEXEC)

    def fileno(self) -> int:
        """The descriptor."""
        return self._table

    def refresh(self) -> None:
        """Nothing: it hears of all mounts."""

    def take(self) -> News:
        """Nothing has to be read: poll(2) itself notes what it has told."""
        return News(True)

    def close(self) -> None:
        """Listen no more."""
        os.close(self._table)


class FilesystemErrors:
    """Errors that file systems meet, where theirs tells of them (ext4 does). Making one raises OSError.

    Each is asked for by a mount point. The walk to it is done in a child, because it may hang; what is then not
    listened to is not asked for again, and seen at the interval.
    """

    what = "errors of file systems (fanotify)"
    mask = select.POLLIN

    def __init__(self) -> None:
        self._group = fanotify.open_group()
        self._silent: set[Mount] = set()
        """asked for in vain"""
        self.refresh()

    def fileno(self) -> int:
        """The descriptor."""
        return self._group

    def refresh(self) -> None:
        """Listen to the file systems that are mounted now; the kernel says which of them it does not tell of yet."""
        mounted = {mount for mount in mountinfo.mounts() if not mount.number.startswith(_NO_DEVICE)}
        listened = fanotify.listened(self._group)
        untold = {mount for mount in mounted - self._silent if mount.number not in listened}
        if untold:
            probe.bounded(partial(self._listen, [mount.mount_point for mount in untold]), deadline=_WALK)
            listened = fanotify.listened(self._group)
        self._silent = {mount for mount in self._silent & mounted | untold if mount.number not in listened}

    def take(self) -> News:
        """Read what is there: which errors they are does not matter."""
        has_news = False
        for _ in range(_MOST):
            try:
                has_news = bool(os.read(self._group, _LARGEST)) or has_news
            except BlockingIOError:
                break
        return News(has_news)

    def close(self) -> None:
        """Listen no more."""
        os.close(self._group)

    def _listen(self, paths: list[str]) -> bytes:
        for path in paths:
            with suppress(OSError):
                fanotify.listen(self._group, path)
        return b""


def is_from_kernel(sender: object, ancillary: list[tuple[int, int, bytes]]) -> bool:
    """Whether a datagram was sent by the kernel: anybody may send to a netlink socket whose address he knows.

    sender: (address, groups) of the sender.  ancillary: what came with it, of which its credentials count.
    """
    if sender != (_KERNEL, _OF_KERNEL):
        return False
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS) and len(content) >= _CREDENTIALS.size:
            pid, _uid, _gid = _CREDENTIALS.unpack_from(content)
            return bool(pid == _KERNEL)
    return False
