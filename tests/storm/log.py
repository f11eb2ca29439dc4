"""The log of a storm: a line of JSON for all that happened, a file for each plan, and a folder for each finding."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lab.guests.errors import LabError
from lab.guests.guest import Guest
from lab.guests.lab import Lab
from storm.actions import Episode
from storm.verdict import Finding

LONGEST_TEXT = 20000
EVIDENCE = {
    "cluster": "crm_mon -1rfA",
    "configuration": "cibadmin --query",
    "storage": "dmsetup table; lsblk; cat /proc/self/mountinfo; vgs --foreign -o +systemid,vg_uuid; lvs --foreign -a",
    "kit": "lvmkit status; find /etc/lkvgs /var/lib/lvmkit /run/lvmkit -type f | xargs tail -n +1",
    "journal": "journalctl --no-pager -o short-precise -n 4000",
}


class Log:
    """A folder of its own for each storm, and what is said on the terminal."""

    def __init__(self, folder: Path) -> None:
        """Describe the log in `folder`, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._begun = time.monotonic()
        self._file = (folder / "log.jsonl").open("a", encoding="utf-8")

    def say(self, text: str) -> None:
        """Show a line, with the seconds since the beginning."""
        print(f"{time.monotonic() - self._begun:7.1f} s  {text}", flush=True)  # noqa: T201 - a program's output

    def write(self, **facts: Any) -> None:
        """Note what happened."""
        cut = {key: each[-LONGEST_TEXT:] if isinstance(each, str) else each for key, each in facts.items()}
        self._file.write(json.dumps({"time": round(time.time(), 3), **cut}) + "\n")
        self._file.flush()

    def plan(self, episode: Episode) -> None:
        """Keep the plan of an episode: `make storm REPLAY=FILE` runs it again."""
        path = self.folder / f"episode-{episode.name}.json"
        path.write_text(json.dumps(episode.facts(), indent=1) + "\n", encoding="utf-8")

    def finding(self, lab: Lab, episode: Episode, index: int, finding: Finding) -> None:
        """Note a finding, show it, and keep what both guests have to say about it."""
        self.say(f"FOUND {finding.kind} in episode {episode.name}, after action {index}: {finding.text[:1000]}")
        self.write(episode=episode.name, index=index, finding=asdict(finding))
        folder = self.folder / f"finding-{episode.name}-{index}-{finding.kind}"
        folder.mkdir(exist_ok=True)
        (folder / "finding.txt").write_text(f"{finding.kind}: {finding.text}\n", encoding="utf-8")
        for node in (1, 2):
            for name, script in EVIDENCE.items():
                (folder / f"node{node}-{name}.txt").write_text(_said(Guest(lab, node), script), encoding="utf-8")


def _said(guest: Guest, script: str) -> str:
    try:
        done = guest.sh(f"exec 2>&1; set +e; {script}", timeout=60.0, check=False)
    except LabError as error:
        return f"{error}\n"
    return done.stdout.encode("utf-8", "replace").decode("utf-8")
