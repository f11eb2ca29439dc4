"""Messages about file systems that the kernel has given up or will not let go of: 110315-110319,
110350-110353 and 110463."""

from __future__ import annotations

from lvmkit.model.messages import LCDI_HAS_DEPENDENTS, Caution, Message


class FilesystemGivenUp(Message, number=110315):
    """The file system is mounted, but after an error the kernel serves it no more, or not in full.

    Most of the time it still shows "rw": newer kernels put a word in its options, older ones only count an error.
    """

    template = "The kernel has given up the file system on {mount_point}: {why}."
    action = (
        "Look for its error in the kernel log ('journalctl -k'). When the disk is well, take it out of service, check"
        " the file system by hand (fsck, xfs_repair), and bring it back in service."
    )
    mount_point: str
    why: str


class FilesystemHasErrors(Caution, number=110316):
    """The file system has met errors since it was mounted and goes on, as its option errors=continue says.

    Where neither a note of its start nor a journal tells when it was mounted, errors since the boot are meant, and only
    a deep check can tell whether it does go on.
    """

    template = "The file system on {mount_point} has met errors since it was mounted, and counts {errors}."
    action = (
        "See the kernel log, and check the file system by hand when it is out of service. 'lvmkit check --deep' tells"
        " whether it is still served."
    )
    mount_point: str
    errors: int
    """since its start, where that is noted; else all that it remembers"""


class FilesystemKept(Message, number=110317):
    """A file system is mounted nowhere any more, and the kernel keeps it all the same, with its volume.

    A frozen file system can be unmounted, but ends only when it is thawed. An unmount that waits for a disk that does
    not answer looks alike.
    """

    template = (
        "Logical volume {lv}{where} is in use: its file system is mounted nowhere, but not ended; it is frozen, or its"
        " unmount waits for a disk."
    )
    action = (
        "See whether its disks answer ('lvmkit check --deep'). A frozen one: mount it again, 'fsfreeze --unfreeze' its"
        " mount point, unmount it, and try again."
    )
    lv: str
    where: str = ""
    """of another server: ' on SERVER'"""


class FilesystemThawed(Caution, number=110318):
    """A backup or a snapshot had frozen the file system and did not thaw it in time, so the stop did.

    By then it was unmounted everywhere, so nobody wrote to it after that; or its users, which had been killed, could
    not end, because they waited to write to it.
    """

    template = "The file system of {mount_point} was frozen (fsfreeze) for {seconds} s of its stop, and was thawed."
    action = "Whatever had frozen it, a backup or a snapshot, has to be made again."
    mount_point: str
    seconds: int


class FilesystemHung(Message, number=110319):
    """The file system did not answer a question in time: what it stands on, or the file system itself, hangs."""

    template = "The file system on {mount_point} did not answer for {seconds} s."
    action = "Check its disks ('lvmkit check --deep', the kernel log). The process that asked was abandoned."
    mount_point: str
    seconds: float


class FilesystemFrozen(Message, number=110353):
    """Somebody has frozen the file system, as a backup or a snapshot does for a moment, and has not thawed it since.

    Of other types than ext4 the kernel says it by letting a process wait. That process waits, too, where the file
    system is about to be frozen or mounted with other options, which a disk that hangs keeps from ending.
    """

    template = "The file system on {mount_point} has been frozen (fsfreeze) for {seconds} s: who writes to it waits."
    action = (
        "Find out who froze it: a backup that runs, or one that was killed. 'fsfreeze --unfreeze {mount_point}' thaws"
        " it; a stop does so once it is unmounted."
    )
    mount_point: str
    seconds: int
    """at least"""


class UsersWait(Message, number=110463):
    """Those who use a file system or a volume cannot be ended, because what it stands on does not serve.

    A request that a disk has not answered keeps its process, which dies when the answer comes, and so does a volume
    that is suspended.
    """

    template = "{name} cannot be taken out of service: {holders}. What it stands on does not serve: {fault}"
    action = (
        "Bring that back ('dmsetup resume' for what is suspended): those who wait for it end then. After that, take it"
        " out of service again."
    )
    name: str
    holders: tuple[str, ...]
    fault: str


class UsedByCaller(Message, number=110350):
    """The command was called from within the file system that it is to unmount, or its output goes to a file there.

    The kit ends neither what called it nor what reads its output.
    """

    template = "{mount_point} is used by what called this command: {users}."
    action = "Leave it ('cd /', send the output elsewhere), then run the command again."
    lcdi_exit = LCDI_HAS_DEPENDENTS
    mount_point: str
    users: tuple[str, ...]


class RecordNotWritten(Caution, number=110351):
    """What is up now could not be noted below /run: it is full, or cannot be written to. The work itself was done.

    Until the next start checks see less: a volume that is gone, but not that it should be there.
    """

    template = "{path}, the note of what is up, cannot be written: {why}."
    action = "Make room in /run ('df /run'), then bring the resource in service again, which only writes the note."
    path: str
    why: str
