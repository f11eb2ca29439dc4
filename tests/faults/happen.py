"""One row, made on one side: what the side says and does below the fault, and once it is gone."""

from __future__ import annotations

from faults import truth
from faults.judge import Record
from faults.rows import DOWN, Row
from faults.sides import Side
from lab.guests.guest import Guest

TIMEOUT = 60.0
SAME = "sha256sum --quiet --check /root/sum"


def happen(guest: Guest, row: Row, side: Side) -> Record:
    """Make the fault and see what the side says and does; then undo it, and see whether the service comes back."""
    record = Record(side.name, row)
    if row.when == DOWN:
        side.down(guest)
        guest.sh(row.fault, timeout=TIMEOUT)
        record.before = side.up(guest)
    else:
        guest.sh(row.fault, timeout=TIMEOUT)
    if record.before is None or record.before.fine:
        record.checks = {name: check(guest) for name, check in side.checks.items()}
    record.truth = truth.look(guest)
    record.down = side.down(guest)
    record.after_down = truth.look(guest)
    if row.when != DOWN:
        record.up = side.up(guest)
        record.after_up = truth.look(guest)
    if row.heal:
        _heal(guest, row, side, record)
    return record


def _heal(guest: Guest, row: Row, side: Side, record: Record) -> None:
    guest.sh(row.heal, timeout=TIMEOUT, check=False)
    side.down(guest)
    record.healed = side.up(guest)
    record.after_heal = truth.look(guest)
    record.same_data = guest.sh(SAME, check=False).returncode == 0
