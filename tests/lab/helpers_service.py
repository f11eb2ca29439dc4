"""What the tests of the service share: states to start from, the scripts of an engine, what the kernel holds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Optional

from lab.guests.guest import BY_ID, Guest
from lab.guests.lab import Lab, Result

PUSHED = "pushed"

VG, TAG = "my-vg.1+a", "my-vg.1_a"
"""a name with all that LVM allows in one; the tag has none of what a tag cannot have"""
LAYERED = "layered"
"""a volume group on one device-mapper device, which can be suspended or cut off"""

SERVE = f"""
vgcreate -qq {VG} {BY_ID}SHARED1 {BY_ID}SHARED2
lvcreate -qq -L 48M -n data--x {VG}
lvcreate -qq -L 48M -n www -i 2 {VG}
dmsetup create path --table "0 520192 linear {BY_ID}SHARED3 2048"
vgcreate -qq {LAYERED} /dev/mapper/path
lvcreate -qq -L 32M -n deep {LAYERED}
for lv in {VG}/data--x {VG}/www {LAYERED}/deep; do
    mkdir -p /srv/"${{lv#*/}}"
    mkfs.ext4 -q /dev/$lv
    mount /dev/$lv /srv/"${{lv#*/}}"
    head -c 1000000 /dev/urandom > /srv/"${{lv#*/}}"/file
    lvmkit -q create /srv/"${{lv#*/}}"
done
sha256sum /srv/*/file > /root/sums
sync
"""

_NUMBER = re.compile(r"^\S+: (?P<level>[A-Z]+)(?::.*?:| )(?P<number>\d{6}):", re.MULTILINE)
_FOLDER = {"lvmvg": "scsi", "lvmlv": "scsi", "filesys": "gen"}

State = tuple[str, Callable[[Guest], None]]
"""a label, and what makes the state of that label"""


def guest_in(pushed_lab: Lab, label: str, build: Callable[[Guest], None], base: Optional[State] = None) -> Guest:
    """A guest in the state that `build` makes of the state `base` (of PUSHED without one).

    An instance makes each state once and saves it; after that only the one that is asked for is loaded, in a second.
    """
    if pushed_lab.has(label):
        pushed_lab.reset(label)
        return Guest(pushed_lab)
    if base is None:
        pushed_lab.reset(PUSHED)
        guest = Guest(pushed_lab)
    else:
        guest = guest_in(pushed_lab, *base)
    build(guest)
    pushed_lab.save(label)
    return guest


def serve(guest: Guest) -> None:
    """Two volume groups with three mounted file systems, all protected and in service; no timer looks after them."""
    guest.sh("systemctl stop lvmkit-check.timer")
    guest.sh(SERVE, timeout=180)


def action(guest: Guest, kind: str, name: str, tag: str, timeout: float = 60.0) -> Result:
    """Run an action script as an engine does."""
    return guest.run(script(kind, name), "-t", tag, timeout=timeout, check=False)


def script(kind: str, name: str) -> str:
    """The path of an action script."""
    return f"/opt/LifeKeeper/subsys/{_FOLDER[kind]}/resources/{kind}/actions/{name}"


def quick_check(guest: Guest, kind: str, tag: str) -> list[str]:
    """The numbers that quickCheck finds; it must fail exactly where one of them is an error."""
    result = action(guest, kind, "quickCheck", tag)
    assert bool(result.returncode) == bool(numbers(result, "ERROR")), result
    return numbers(result)


def numbers(result: Result, *levels: str) -> list[str]:
    """The numbers of the messages of these levels, by default of warnings and errors, in order."""
    wanted = levels or ("WARN", "ERROR")
    return [found["number"] for found in _NUMBER.finditer(result.stderr) if found["level"] in wanted]


def held(guest: Guest, vg: str) -> list[str]:
    """The device-mapper devices of a volume group, by the group's part of their names."""
    answer = guest.run("dmsetup", "info", "-c", "--noheadings", "-o", "name").stdout
    prefix = vg.replace("-", "--") + "-"
    return sorted(line for line in answer.splitlines() if line.startswith(prefix))


def states(guest: Guest, tag: str) -> dict[str, tuple[str, str]]:
    """{tag: (state, reason)} of a hierarchy, as the engine has them."""
    shown = json.loads(guest.run("lvmkit", "status", tag, "--format", "json").stdout)
    return {resource["tag"]: (resource["state"], resource["reason"]) for resource in shown["resources"]}


def settings(guest: Guest, **values: object) -> None:
    """Write /etc/default/LifeKeeper."""
    text = "".join(f"{key}={value}\n" for key, value in values.items())
    guest.run("tee", "/etc/default/LifeKeeper", stdin=text.encode())


def same_data(guest: Guest) -> bool:
    """Whether every file has the content that was written."""
    return guest.run("sha256sum", "--quiet", "--check", "/root/sums", check=False).returncode == 0
