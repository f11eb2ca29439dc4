"""The reservations of one disk, as the disk keeps them for all servers: SPC-4's rules on the bytes of the commands.

What it answers is what tgt 1.0.85 was seen to answer (tests/target runs the same stories against both), with one
thing more that other targets can: PREEMPT AND ABORT, and registrations that outlive a loss of power.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from lvmkit.storage.scsi import CHECK_CONDITION, GOOD, RESERVATION_CONFLICT, Reply

_INVALID, _PREEMPTED, _RESET = 0x2400, 0x2A03, 0x2900
_ILLEGAL_REQUEST, _UNIT_ATTENTION = 5, 6
_WERO = 5
_TYPES = bytes((0x80, 0xEA, 0x01))
"""a mask of types is given: 1, 3, 5, 6, 7, 8"""


@dataclass(eq=False)
class Target:
    """One logical unit. A nexus is what one path of one server's session is to it."""

    aborts: bool = False
    """it knows PREEMPT AND ABORT"""
    persists: bool = False
    """it knows APTPL"""
    keys: dict[str, int] = field(default_factory=dict)
    """by nexus, in the order of their registration"""
    holder: str = ""
    """the nexus that reserved it"""
    type: int = 0
    attentions: dict[str, list[int]] = field(default_factory=dict)
    """what it has to say to a nexus before it does anything else"""
    heard: list[str] = field(default_factory=list)
    """the commands of PERSISTENT RESERVE OUT that were carried out, and by whom"""

    def restart(self) -> None:
        """A loss of power. Nobody is told."""
        if not self.persists:
            self.keys.clear()
            self.holder, self.type = "", 0

    def reset(self) -> None:
        """A reset of the logical unit, by anybody: all are told, and nothing else happens."""
        for nexus in self.keys:
            self.attentions.setdefault(nexus, []).append(_RESET)

    def may_write(self, nexus: str) -> bool:
        """Whether a write of this nexus is done."""
        return not self.holder or nexus in self.keys

    @property
    def holding(self) -> int | None:
        """The key that holds the reservation."""
        return self.keys[self.holder] if self.holder else None

    def answer(self, nexus: str, command: bytes, out: bytes) -> Reply:
        """Carry out one command of a nexus."""
        if self.attentions.get(nexus):
            return Reply(CHECK_CONDITION, b"", _UNIT_ATTENTION, self.attentions[nexus].pop(0))
        action = command[1] & 0x1F
        if command[0] == 0x5E:
            return self._tell(action)
        assert command[0] == 0x5F, command
        assert struct.unpack_from(">I", command, 5) == (24,)
        assert len(out) == 24
        key, action_key = struct.unpack_from(">QQ", out)
        return self._do(nexus, action, command[2], (key, action_key), aptpl=bool(out[20] & 1))

    def _tell(self, action: int) -> Reply:
        if action == 0:
            body = b"".join(struct.pack(">Q", key) for key in self.keys.values())
            return Reply(GOOD, struct.pack(">II", 0, len(body)) + body)
        if action == 1:
            body = struct.pack(">Q5xB2x", self.holding, self.type) if self.holding is not None else b""
            return Reply(GOOD, struct.pack(">II", 0, len(body)) + body)
        if action == 2:
            return Reply(GOOD, struct.pack(">HB", 8, int(self.persists)) + _TYPES + b"\0\0")
        return _illegal()

    def _do(self, nexus: str, action: int, kind: int, keys: tuple[int, int], *, aptpl: bool) -> Reply:
        if aptpl and not self.persists:
            return _illegal()
        if action == 5 and not self.aborts:
            return _illegal()
        if action in (0, 6):
            done = self._register(nexus, keys, is_forced=action == 6)
        elif self.keys.get(nexus) != keys[0]:
            done = False
        elif action == 1:
            done = self._reserve(nexus, kind)
        else:
            assert action in (4, 5), action
            done = self._preempt(nexus, kind, keys[1])
        if not done:
            return Reply(RESERVATION_CONFLICT)
        self.heard.append(f"{nexus} {action}")
        return Reply(GOOD)

    def _register(self, nexus: str, keys: tuple[int, int], *, is_forced: bool) -> bool:
        if not is_forced and self.keys.get(nexus, 0) != keys[0]:
            return False
        if keys[1]:
            self.keys[nexus] = keys[1]
        else:
            self.keys.pop(nexus, None)
            self.end_without_holder()
        return True

    def _reserve(self, nexus: str, kind: int) -> bool:
        if self.holder not in ("", nexus):
            return False
        self.holder, self.type = nexus, kind
        return True

    def _preempt(self, nexus: str, kind: int, victim: int) -> bool:
        if victim not in self.keys.values():
            return False
        holds = self.holding == victim
        for other, key in list(self.keys.items()):
            if key == victim and other != nexus:
                del self.keys[other]
                self.attentions.setdefault(other, []).append(_PREEMPTED)
        if holds:
            self.holder, self.type = nexus, kind
        return True

    def end_without_holder(self) -> None:
        """With the registration that holds it a reservation ends."""
        if self.holder not in self.keys:
            self.holder, self.type = "", 0


def _illegal() -> Reply:
    return Reply(CHECK_CONDITION, b"", _ILLEGAL_REQUEST, _INVALID)
