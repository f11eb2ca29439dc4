"""After the unmount: see that the kernel ends the file system, and so lets go of its volume.

umount(2) says that all went well although the file system goes on: where a mount namespace has a mount of its own that
does not follow, where somebody has unmounted it lazily while it was in use, and where it is frozen. The stop of the
volume would fail, and a server whose stop fails is fenced. So processes that keep it are ended as its users are, and
it is thawed in the end. That breaks no backup that could still be made: it is unmounted everywhere by then, so nobody
writes to it, and all that is written is its own clean end.
"""

from __future__ import annotations

import time

from lvmkit.model.messages import Failure
from lvmkit.model.messages.filesystems import FilesystemThawed
from lvmkit.model.messages.service import FilesystemBusy
from lvmkit.resources import evict, fs_volume, mounting, mounts
from lvmkit.storage import holders, mountinfo, run, superblock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.host import Host
    from lvmkit.model.facts import FilesystemFacts
    from lvmkit.storage.holders import Holder

FSFREEZE = "/usr/sbin/fsfreeze"
_PAUSE = 0.1


def is_kept(facts: FilesystemFacts) -> bool:
    """Whether the kernel has the file system at work although it is mounted nowhere that this process sees."""
    number = fs_volume.number(facts)
    return bool(number) and superblock.is_kept(number) and not mountinfo.of(number)


def end(facts: FilesystemFacts, host: Host) -> None:
    """Have the kernel end a file system that it keeps; the mount point's lock is held.

    What is left after that the stop of its volume names. Raises Failure: FilesystemBusy (110024) where processes keep
    it to the last; CommandHung (110062).
    """
    for number in evict.rounds(host.settings):
        keepers = _keepers(facts)
        if not keepers:
            break
        evict.evict_keepers(keepers, number, facts.mount_point, host)
    keepers = _keepers(facts)
    if keepers:
        raise Failure(FilesystemBusy(facts.mount_point, holders.described(keepers)))
    begun = time.monotonic()
    while is_kept(facts):
        if time.monotonic() - begun >= host.settings.busy_patience:
            _mount_and_thaw(facts, host, round(time.monotonic() - begun))
            break
        time.sleep(_PAUSE)


def _keepers(facts: FilesystemFacts) -> tuple[Holder, ...]:
    if not is_kept(facts):
        return ()
    number = fs_volume.number(facts)
    return holders.pins(number) or holders.of_unmounted(number)


def _mount_and_thaw(facts: FilesystemFacts, host: Host, seconds: int) -> None:
    """A file system is thawed by its mount point, so it is mounted once more; the kernel has it, and reads nothing.

    seconds: for how long it was waited for.
    """
    patience = min(host.time_left, host.settings.probe_deadline)
    device = fs_volume.path_to(fs_volume.number(facts), facts)
    point = mounts.of(facts, always_follow=True).point
    run.run(mounting.mount_command(device, point, facts), deadline=patience)
    if mounts.of(facts).here is None:
        return
    thaw(facts, point, seconds, host)
    run.run([mounting.UMOUNT, "-c", "--", point], deadline=patience)


def thaw(facts: FilesystemFacts, point: str, seconds: int, host: Host) -> bool:
    """Thaw it where it is mounted; whether it was frozen: of any other the kernel refuses it (ioctl_fsthaw, EINVAL).

    seconds: for how long it was waited for. Raises Failure (CommandHung, 110062).
    """
    answer = run.run([FSFREEZE, "--unfreeze", point], deadline=min(host.time_left, host.settings.probe_deadline))
    if answer.status == 0:
        host.tell(FilesystemThawed(facts.mount_point, seconds))
    return answer.status == 0
