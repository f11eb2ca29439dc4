"""The states that guests are put into, each made of another one, and saved where it is wanted first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from faults import kills, layouts
from faults.kills import Command
from faults.sides import KIT, PEER
from lab.guests.guest import Guest
from lab.guests.lab import Lab

TIMEOUT = 240.0
UUID = f"cat /sys/block/$(basename $(readlink -e /dev/{layouts.VG}/{layouts.LV}))/dm/uuid > /root/uuid"
NAMED = r"""sed -i 's/^\(\s*\)# system_id_source = .*/\1system_id_source = "uname"/' /etc/lvm/lvm.conf"""
PROTECT = f"systemctl stop lvmkit-check.timer; lvmkit -q create {layouts.MOUNT}"


@dataclass(frozen=True)
class State:
    """A state of a guest. make: makes it of the state `base`, or of a guest that has just booted."""

    label: str
    make: Callable[[Guest], object]
    base: State | None = None


def reach(lab: Lab, state: State) -> Guest:
    """Put the lab's guest into a state, which is made and saved unless it has been before."""
    if not lab.has(state.label):
        _make(lab, state)
    lab.reset(state.label)
    return Guest(lab)


def _make(lab: Lab, state: State) -> None:
    if state.base is None:
        lab.reset()
    else:
        reach(lab, state.base)
    state.make(Guest(lab))
    lab.save(state.label)


def served(layout: str, side: str) -> State:
    """The volumes of a layout in service, on one side."""
    return State(f"{layout}_{side}", lambda guest: _serve(guest, layout, side), _BASES[side])


def before(command: Command) -> State:
    """What a command of the kit begins with."""
    label = f"before_{command.name.replace(' ', '_')}"
    return State(label, lambda guest: kills.prepare(command, guest), served("ext4", KIT))


def _push(guest: Guest) -> None:
    guest.lab.push()
    guest.sh(NAMED)


def _serve(guest: Guest, layout: str, side: str) -> None:
    guest.sh(layouts.build(layout), timeout=TIMEOUT)
    guest.sh(UUID)
    if side == KIT:
        guest.sh(PROTECT, timeout=TIMEOUT)


_BASES = {KIT: State("pushed", _push), PEER: State("named", lambda guest: guest.sh(NAMED))}
