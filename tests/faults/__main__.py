"""Make the fault table: `make faults`. See README.md beside this file."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click

from faults import calm, judge, kills, layouts, report, sides, truth
from faults.calm import Calm
from faults.judge import Record
from faults.kills import COMMANDS, Command, Killed
from faults.rows import DOWN, ROWS, Row
from faults.sides import KIT, PEER, Side
from lab.guests.errors import LabError
from lab.guests.guest import Guest
from lab.guests.lab import Lab, default_name

PUSHED = "pushed"
PAGE, FACTS = Path("docs/faults.md"), Path("docs/faults.json")
LOG = Path("build/faults")
UUID = f"cat /sys/block/$(basename $(readlink -e /dev/{layouts.VG}/{layouts.LV}))/dm/uuid > /root/uuid"
NAMED = r"""sed -i 's/^\(\s*\)# system_id_source = .*/\1system_id_source = "uname"/' /etc/lvm/lvm.conf"""
PROTECT = f"systemctl stop lvmkit-check.timer; lvmkit -q create {layouts.MOUNT}"
SAME = "sha256sum --quiet --check /root/sum"
BUILD_TIMEOUT, FAULT_TIMEOUT = 240.0, 60.0


@click.command()
@click.option("--only", multiple=True, help="Rows whose name has this in it; more than once for several.")
@click.option("--side", type=click.Choice([KIT, PEER]), help="One of the two only.")
@click.option("--kills", "most", default=kills.MOST, show_default=True, help="At how many calls a command is killed.")
@click.option("--write", is_flag=True, help=f"Write {PAGE} and {FACTS}; for whole runs.")
def main(only: tuple[str, ...], side: str | None, most: int, write: bool) -> None:
    """Make every fault below the kit and below its peer, and show what each says and does."""

    def is_wanted(name: str) -> bool:
        return not only or any(part in name for part in only)

    rows = [row for row in ROWS if is_wanted(row.name)]
    commands = [command for command in COMMANDS if is_wanted(f"killed: {command.name}")]
    table = Table(write)
    try:
        table.fill(rows, [side] if side else [KIT, PEER])
        if side != PEER:
            table.kill(commands, most)
            table.watch(calm.CHECKS if is_wanted(calm.NAME) else 0)
    except LabError as error:
        click.echo(f"ended early, the lab itself failed: {error}", err=True)
        sys.exit(2)
    finally:
        table.end()
    bad = [record for record in table.records if record.side == KIT and judge.wrong(record)]
    broken = [killed for killed in table.killed if killed.wrong]
    click.echo(f"{len(rows)} rows, {len(bad)} in which the kit is wrong; {len(commands)} killed, {len(broken)} wrongly")
    sys.exit(1 if bad or broken or table.calm.alarms else 0)


class Table:
    """Fills the table, row by row, in one guest."""

    def __init__(self, write: bool) -> None:
        self.records: list[Record] = []
        self.killed: list[Killed] = []
        self.calm = Calm()
        self._write = write
        self._lab = Lab(f"{default_name()} faults", owned=True, progress=click.echo)
        self._made: set[str] = set()
        self._begun = time.monotonic()

    def fill(self, rows: list[Row], of: list[str]) -> None:
        """Try every row on each side."""
        self._lab.down()
        self._lab.up()
        self._install()
        for row in rows:
            for side in of:
                if side == KIT or row.applies:
                    self._try(row, side)

    def kill(self, commands: list[Command], most: int) -> None:
        """Kill each of these commands of the kit at so many of its calls."""
        for command in commands:
            self._kill(command, most)

    def watch(self, checks: int) -> None:
        """Check what is well so many times."""
        if checks:
            guest = self._guest("ext4", KIT)
            self.calm = calm.watch(guest, checks)
            self._keep(f"{calm.NAME}: {checks} checks, {len(self.calm.alarms)} alarms", guest)

    def end(self) -> None:
        """Let go of the guest."""
        self._lab.down()

    def _install(self) -> None:
        guest = Guest(self._lab)
        self._lab.push()
        guest.sh(NAMED)
        self._lab.save(PUSHED)

    def _try(self, row: Row, name: str) -> None:
        side = sides.kit() if name == KIT else sides.peer("xfs" if row.layout == "xfs" else "ext4")
        guest = self._guest(row.layout, name)
        record = happen(guest, row, side)
        self.records.append(record)
        self._keep(_said(record), guest)

    def _kill(self, command: Command, most: int) -> None:
        guest, label = self._guest("ext4", KIT), f"before_{command.name.replace(' ', '_')}"
        kills.prepare(command, guest)
        self._lab.save(label)

        def fresh() -> Guest:
            self._lab.reset(label)
            return guest

        killed = kills.try_all(command, most, fresh)
        self.killed.append(killed)
        bad = "; ".join(f"{point.call} {point.nth}: {said}" for point, said in killed.wrong.items())
        said = f"killed: {command.name}, at {killed.points} calls{'; WRONG: ' + bad if bad else ''}"
        self._keep(said, guest)

    def _keep(self, said: str, guest: Guest) -> None:
        """Show and store what has come so far."""
        click.echo(f"{time.monotonic() - self._begun:6.0f} s  {said}")
        report.store(LOG / "faults.json", self.records, self.killed, self.calm)
        if self._write:
            report.store(FACTS, self.records, self.killed, self.calm)
            page = report.page(self.records, self.killed, self.calm, (_kernel(guest), _agents(guest)))
            PAGE.write_text(page, encoding="utf-8")

    def _guest(self, layout: str, side: str) -> Guest:
        """A guest with the volumes of a layout in service; made once, and saved."""
        label, guest = f"{layout}_{side}", Guest(self._lab)
        if label not in self._made:
            self._lab.reset(PUSHED)
            guest.sh(layouts.build(layout), timeout=BUILD_TIMEOUT)
            guest.sh(UUID)
            if side == KIT:
                guest.sh(PROTECT, timeout=BUILD_TIMEOUT)
            self._lab.save(label)
            self._made.add(label)
        self._lab.reset(label)
        return guest


def happen(guest: Guest, row: Row, side: Side) -> Record:
    """Make the fault and see what the side says and does; then undo it, and see whether the service comes back."""
    record = Record(side.name, row)
    if row.when == DOWN:
        side.down(guest)
        guest.sh(row.fault, timeout=FAULT_TIMEOUT)
        record.before = side.up(guest)
    else:
        guest.sh(row.fault, timeout=FAULT_TIMEOUT)
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
    guest.sh(row.heal, timeout=FAULT_TIMEOUT, check=False)
    side.down(guest)
    record.healed = side.up(guest)
    record.after_heal = truth.look(guest)
    record.same_data = guest.sh(SAME, check=False).returncode == 0


def _said(record: Record) -> str:
    bad = judge.wrong(record)
    words = {name: answer.code for name, answer in record.checks.items()}
    ends = {"stop": record.down, "start": record.before or record.up}
    words.update({name: answer.code for name, answer in ends.items() if answer})
    said = ", ".join(f"{name} {code}" for name, code in words.items())
    usable = "usable" if record.truth and record.truth.usable else "not usable"
    return f"{record.side:4} {record.row.name}: {usable}; {said}{'; WRONG: ' + '; '.join(bad) if bad else ''}"


def _kernel(guest: Guest) -> str:
    return guest.run("uname", "-r").stdout.strip()


def _agents(guest: Guest) -> str:
    return guest.run("dpkg-query", "-W", "-f", "${Package} ${Version}", "resource-agents").stdout.strip()


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parents[2])
    main()
