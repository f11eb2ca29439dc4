"""Make the fault table: `make faults`. See README.md beside this file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from faults import calm, judge, kills, report
from faults.judge import Record
from faults.kills import COMMANDS, Killed
from faults.report import Whole
from faults.rows import ROWS, Row
from faults.sides import KIT, PEER
from faults.table import Table
from faults.work import Crew, Job
from lab.guests import image
from lab.guests.lab import Lab, default_name
from lab.kept import Kept

PAGE, FACTS = Path("docs/faults.md"), Path("docs/faults.json")
KEPT = Path(f"build/faults/{image.default_release()}.json")
CORES = len(os.sched_getaffinity(0))


@click.command()
@click.option("--only", multiple=True, help="Rows whose name has this in it; more than once for several.")
@click.option("--side", type=click.Choice([KIT, PEER]), help="One of the two only.")
@click.option("--kills", "most", default=kills.MOST, show_default=True, help="At how many calls a command is killed.")
@click.option(
    "--guests", default=min(2, CORES), show_default=True, help="How many guests run at once, a core for each."
)
@click.option("--fresh", is_flag=True, help="Forget what is kept of earlier runs.")
@click.option("--write", is_flag=True, help=f"Write {PAGE} and {FACTS}, once all of it is there.")
def main(only: tuple[str, ...], side: str | None, most: int, guests: int, fresh: bool, write: bool) -> None:
    """Make every fault below the kit and below its peer, and show what each says and does.

    What has been right before is kept, and not made again while nothing has changed that it depends on.
    """
    if fresh:
        KEPT.unlink(missing_ok=True)
    table = Table(Kept(KEPT))
    plan = Plan(table, only, [side] if side else [KIT, PEER], most)
    labs = [Lab(f"{default_name()} faults {number}", owned=True, progress=click.echo) for number in range(guests)]
    crew = Crew(labs, table.kept, click.echo)
    try:
        crew.work_off(plan.jobs())
        crew.work_off(plan.kills())
    finally:
        crew.end()
    if write:
        _write(table, most, guests)
    sys.exit(plan.verdict())


class Plan:
    """What is to be done this time."""

    def __init__(self, table: Table, only: tuple[str, ...], sides: list[str], most: int) -> None:
        self._table, self._most, self._only = table, most, only
        self._rows = [(row, side) for row in ROWS for side in sides if self._wants(row.name) and _applies(row, side)]
        self._commands = [each for each in COMMANDS if KIT in sides and self._wants(f"killed: {each.name}")]
        self._calm = KIT in sides and self._wants(calm.NAME)

    def _wants(self, name: str) -> bool:
        return not self._only or any(part in name for part in self._only)

    def jobs(self) -> list[Job]:
        """All but the kills."""
        jobs = [self._table.row(row, side) for row, side in self._rows]
        jobs += [self._table.calls(command, self._most) for command in self._commands]
        if self._calm:
            jobs += self._table.calm_jobs()
        return [*jobs, self._table.versions_job()]

    def kills(self) -> list[Job]:
        """The kills, at the calls that have been chosen by now."""
        return [self._table.kill(it, point) for it in self._commands for point in self._table.points(it, self._most)]

    def missing(self) -> list[str]:
        """What could not be done."""
        return [job.item for job in (*self.jobs(), *self.kills()) if self._table.result(job) is None]

    def verdict(self) -> int:
        """Say how it went, and return the exit code: 2 where something could not be done, 1 where the kit is wrong."""
        not_done = self.missing()
        records = [self._table.record(row, side) for row, side in self._rows if side == KIT]
        bad = [record for record in records if record and judge.wrong(record)]
        killed = [self._table.killed(command, self._most) for command in self._commands]
        broken = [each for each in killed if each and each.wrong]
        peace = self._table.calm() if self._calm else None
        alarms = peace.alarms if peace else ()
        for record in bad:
            click.echo(judge.in_words(record))
        click.echo(
            f"{len(records)} rows, {len(bad)} in which the kit is wrong; {len(killed)} killed, {len(broken)} wrongly"
        )
        click.echo(f"{len(alarms)} alarms; not done: {', '.join(not_done) or 'none'}")
        return 2 if not_done else 1 if bad or broken or alarms else 0


def _applies(row: Row, side: str) -> bool:
    return side == KIT or row.applies


def _write(table: Table, most: int, guests: int) -> None:
    """Write the page and its facts, if all of it is there."""
    whole = _whole(table, most, guests)
    if whole is None:
        click.echo(f"{PAGE} is not written: something is missing yet")
        return
    PAGE.write_text(report.page(whole), encoding="utf-8")
    FACTS.write_text(report.as_json(whole), encoding="utf-8")


def _whole(table: Table, most: int, guests: int) -> Whole | None:
    records = [table.record(row, side) for row in ROWS for side in (KIT, PEER) if _applies(row, side)]
    killed = [table.killed(command, most) for command in COMMANDS]
    peace, where = table.calm(), table.where(guests, CORES)
    there_records: list[Record] = [record for record in records if record]
    there_killed: list[Killed] = [each for each in killed if each]
    if peace is None or where is None or len(there_records) < len(records) or len(there_killed) < len(killed):
        return None
    return Whole(there_records, there_killed, peace, where)


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parents[2])
    main()
