"""DRBD as its kernel module, udev and its tool show it; nothing here changes anything.

sysfs says the role (ro is 1 on a Secondary) and, by its slaves, whether there is a disk on this server; both without a
process, in 8.4 and in 9. /proc/drbd has the states of 8.4, and the version alone with 9. `drbdsetup events2 --now`
speaks alike in both; their JSON does not (8.4 has none).
"""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.model.names import DRBD_VOLUMES
from lvmkit.model.value import Value
from lvmkit.storage import files, sysfs

_TOOL, _STATES = "/usr/sbin/drbdsetup", "/proc/drbd"
UP_TO_DATE, CONNECTED, STAND_ALONE = "UpToDate", "Connected", "StandAlone"
PRIMARY, SECONDARY = "Primary", "Secondary"
DISKLESS = "Diskless"
_SPLIT, _MET = "Split-Brain detected but unresolved", "-> Connected"
_RUNNING = "no"
"""what is said of the suspension of a resource that reads and writes"""


class Volume(Value):
    """A volume of a DRBD resource, known by the same words on every server."""

    resource: str
    number: str
    """within its resource, mostly 0"""

    @property
    def path(self) -> str:
        """Its device."""
        return f"{DRBD_VOLUMES}{self.resource}/{self.number}"


class Glimpse(Value):
    """What the kernel shows of one device of 8.4 without being asked by a tool."""

    connection: str
    own_disk: str
    peer_disk: str
    is_frozen: bool

    @property
    def wear(self) -> str:
        """What keeps it from being on two servers, '' where nothing does."""
        if (self.own_disk, self.peer_disk) == (UP_TO_DATE, UP_TO_DATE):
            return ""
        return f"{self.connection}, disk here {self.own_disk}, disk of the peer {self.peer_disk}"


class State(Value):
    """A resource as this server's kernel has it."""

    role: str
    suspended: str
    """"no", or why nothing is read or written: user, no-data, fencing, quorum"""
    connections: tuple[tuple[str, str], ...]
    """(state, role of the peer) of each"""
    disks: tuple[tuple[str, str], ...]
    """(volume, state of its disk here)"""
    peer_disks: tuple[tuple[str, str], ...]
    """(volume, state of its disk there), for every peer"""

    @property
    def connection(self) -> str:
        """The states of all connections, in words."""
        return ", ".join(dict.fromkeys(state for state, _ in self.connections)) or "not connected"

    @property
    def disk(self) -> str:
        """The states of all disks here, in words."""
        return ", ".join(dict.fromkeys(state for _, state in self.disks)) or "not attached"

    @property
    def is_frozen(self) -> bool:
        """Whether all reads and writes wait."""
        return self.suspended not in ("", _RUNNING)

    @property
    def is_stand_alone(self) -> bool:
        """Whether it has given up a connection."""
        return any(state == STAND_ALONE for state, _ in self.connections)

    @property
    def has_other_primary(self) -> bool:
        """Whether a peer that it sees is Primary, too."""
        return self.role == PRIMARY and any(role == PRIMARY for _, role in self.connections)

    @property
    def is_ready(self) -> bool:
        """Whether it may take over: with a peer that it sees, and all the newest data here."""
        states = [state for state, _ in self.connections] or [STAND_ALONE]
        return all(state == CONNECTED for state in states) and self.disk == UP_TO_DATE

    def wear(self, volume: str) -> str:
        """What keeps a volume from being on two servers, '' where nothing does."""
        own = dict(self.disks).get(volume, DISKLESS)
        peers = [state for number, state in self.peer_disks if number == volume]
        if own == UP_TO_DATE and UP_TO_DATE in peers and set(peers) <= {UP_TO_DATE, DISKLESS}:
            return ""
        return f"{self.connection}, disk here {own}, disk of the peer {', '.join(peers) or 'unknown'}"


def is_secondary(number: str) -> bool:
    """Whether nobody can use a DRBD device here."""
    return sysfs.read_only(number)


def volume_at(path: str) -> Volume | None:
    """The volume that a path below /dev/drbd/by-res names; None for any other path."""
    start, _, rest = path.partition(DRBD_VOLUMES)
    resource, _, number = rest.partition("/")
    return Volume(resource, number) if not start and resource and number.isdecimal() else None


def volume_of(number: str) -> Volume | None:
    """The volume of a device (major:minor); None for another device, and where udev has not named it."""
    for resource in sysfs.entries(DRBD_VOLUMES) if sysfs.is_drbd(number) else ():
        for volume in sysfs.entries(f"{DRBD_VOLUMES}{resource}"):
            if sysfs.number_of(f"{DRBD_VOLUMES}{resource}/{volume}") == number:
                return Volume(resource, volume)
    return None


def glimpse(number: str) -> Glimpse | None:
    """The states that 8.4 shows in /proc/drbd; None where it shows none (9), or does not know the device.

    A line is ` 0: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----`: of the last word the first letter
    is s where I/O is suspended; a device that stands alone has no letter of a protocol before it, and one without
    a disk and a connection has no states (source: drbd_proc.c of Linux).
    """
    minor = f"{number.partition(':')[2]}:"
    for line in (files.read(_STATES) or "").splitlines():
        words = line.split()
        if words[:1] == [minor] and len(words) > 4:
            own, _, peer = words[3].removeprefix("ds:").partition("/")
            return Glimpse(words[1].removeprefix("cs:"), own, peer, words[-1].startswith("s"))
    return None


def state(resource: str, server: str, *, deadline: float) -> State:
    """What the kernel says of a resource. server: this one's name, for messages.  deadline: seconds.

    Raises Failure: ReplicaUnknown (110436) where it says nothing of it; CommandMissing, CommandHung.
    """
    from lvmkit.model.messages.replication import ReplicaUnknown
    from lvmkit.storage.run import run  # a light check does not ask

    answer = run((_TOOL, "events2", "--now", resource), deadline=deadline)
    told = parse(answer.stdout)
    if answer.status != 0 or told is None:
        raise Failure(ReplicaUnknown(resource, server, answer.stderr.strip() or "drbdsetup does not know it"))
    return told


def is_split(volume: Volume) -> bool:
    """Whether the kernel's log says that both sides of a resource have changes, and not that they met again since.

    DRBD keeps that nowhere else: a side that stands alone may as well have been disconnected by hand.
    The words are those of drbd_receiver.c, of 8.4 and 9: "block drbd0: Split-Brain detected but unresolved, dropping
    connection!", "drbd r0/0 drbd0 peer: Split-Brain ...".
    """
    from lvmkit.storage import kernel_log  # few ask

    minor = sysfs.number_of(volume.path).partition(":")[2]
    names, is_split_now = {f"drbd{minor}", volume.resource}, False
    for line in kernel_log.lines():
        if "drbd" in line and names & {word.rstrip(":") for word in line.split()}:
            is_split_now = _SPLIT in line or (is_split_now and _MET not in line)
    return is_split_now


def parse(text: str) -> State | None:
    """The state in the output of `drbdsetup events2 --now RESOURCE`; None where no resource is in it.

    A line is `exists KIND key:value ...`. Addresses have colons in their values (drbdsetup(8), events2).
    """
    role = suspended = ""
    connections, disks, peer_disks = [], [], []
    for line in text.splitlines():
        _, kind, *rest = (*line.split(), "", "")
        facts = dict(word.partition(":")[::2] for word in rest)
        if kind == "resource":
            role, suspended = facts.get("role", ""), facts.get("suspended", "")
        elif kind == "connection":
            connections.append((facts.get("connection", ""), facts.get("role", "")))
        elif kind == "device":
            disks.append((facts.get("volume", ""), facts.get("disk", "")))
        elif kind == "peer-device":
            peer_disks.append((facts.get("volume", ""), facts.get("peer-disk", "")))
    return State(role, suspended, tuple(connections), tuple(disks), tuple(peer_disks)) if role else None
