"""How much there is to be served: one thing grows at a time. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.hierarchies import VG

VOLUMES, DISKS, GROUPS, UNRELATED = "volumes", "disks", "groups", "unrelated disks"
_SIZES = {VOLUMES: (1, 8, 64, 512), DISKS: (1, 16, 64), GROUPS: (1, 10, 50), UNRELATED: (0, 200)}
DIMENSIONS = tuple(_SIZES)
_MANY, _SOME = 400, 50
"""volumes in all from which one round must do, and from which three"""

BUILDING = """
mkdir -p /dev/shm/scale /dev/disk/by-id
disk() {
    truncate -s 2G "/dev/shm/scale/$1"
    device=$(losetup --find --show "/dev/shm/scale/$1")
    ln -sf "$device" "/dev/disk/by-id/scale-$1"
    echo "$device"
}
"""


@dataclass(frozen=True)
class Layout:
    """Volume groups that are alike, and disks that are nobody's."""

    dimension: str
    size: int
    groups: int = 1
    volumes: int = 8
    """of each group"""
    disks: int = 2
    """of each group"""
    unrelated: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The volume groups."""
        return tuple(f"{VG}{number}" for number in range(1, self.groups + 1))

    @property
    def rounds(self) -> int:
        """How often each side has its turn: what takes long is done less often."""
        everything = self.groups * self.volumes
        if everything >= _MANY:
            return 1
        return 3 if everything >= _SOME else 5

    @property
    def patience(self) -> float:
        """Seconds for one round, with much to spare."""
        return 300.0 + 5.0 * self.groups * (self.volumes + self.disks) + self.unrelated

    def building(self) -> str:
        """The shell script that makes it, of loop devices on files without content."""
        lines = [BUILDING, f"for n in $(seq {self.unrelated}); do disk other$n > /dev/null; done"]
        for vg in self.names:
            lines += [
                "set --",
                f'for n in $(seq {self.disks}); do set -- "$@" "$(disk {vg}-$n)"; done',
                f'vgcreate -qq -s 1M --setautoactivation n {vg} "$@"',
                f'for n in $(seq {self.volumes}); do echo "lvcreate -qq -an -Zn -Wn -l 1 -n lv$n {vg}"; done | lvm >&2',
            ]
        return "\n".join((*lines, "udevadm settle", ""))


def layouts(dimensions: tuple[str, ...]) -> Iterator[Layout]:
    """What is measured of some dimensions; all where none is given."""
    for dimension in dimensions or DIMENSIONS:
        for size in _SIZES[dimension]:
            yield _layout(dimension, size)


def _layout(dimension: str, size: int) -> Layout:
    if dimension == VOLUMES:
        return Layout(dimension, size, volumes=size)
    if dimension == DISKS:
        return Layout(dimension, size, disks=size)
    if dimension == GROUPS:
        return Layout(dimension, size, groups=size, volumes=2)
    return Layout(dimension, size, unrelated=size)
