"""README's table of what may stand below a volume group, made from the names of the tests.

`python -m tests.features` writes it anew.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BEGIN, END = "| below the volume group | one server | Pacemaker | LifeKeeper | tested with |\n", "\n\n"
RULE = "|---|---|---|---|---|\n"


_ALL = "every_kind_of_physical"


class Feature(NamedTuple):
    """A row: what it is, what each engine does with it, and a pattern for the names of its tests."""

    subject: str
    one_server: str
    pacemaker: str
    lifekeeper: str
    tests: str


FEATURES = (
    Feature("partition of a disk, an array or an NVMe disk", "yes", "yes", "yes", rf"partition|{_ALL}"),
    Feature("NVMe disk", "yes", "yes", "yes", r"nvme"),
    Feature(
        "disk without a serial number", "yes", "by the UUID of the physical volume", "the same", r"without_a_serial"
    ),
    Feature("md RAID", "yes", "yes", "yes", rf"(^|_)(md|array)s?_|{_ALL}"),
    Feature("dm-multipath", "yes", "yes", "yes", rf"multipath|paths_that_come|{_ALL}"),
    Feature("dm-crypt", "once it is open", "once it is open", "once it is open", r"crypt"),
    Feature("bcache", "yes", "not tried", "not tried", r"bcache|cached_disk"),
    Feature(
        "DRBD, 8.4 and 9 ([docs/replication.md](docs/replication.md))",
        "yes",
        "tied to the promoted role",
        "a kit of its own makes it Primary",
        r"drbd|replica|promot",
    ),
    Feature(
        "md with a leg on another server, over nbd ([docs/replication.md](docs/replication.md))",
        "yes",
        "not tried",
        "a kit of its own assembles it",
        r"nbd|network_mirror",
    ),
    Feature(
        "persistent reservations ([docs/guards.md](docs/guards.md))",
        "no",
        "SCSI, if wanted",
        "the core's own",
        r"reserv|registered|registration|preempt",
    ),
    Feature("groups of lvmlockd", "refused", "refused", "refused", r"lock_type|lvmlockd|lock_manager"),
)
_TIERS = (
    ("tests/lab", True, "two servers"),
    ("tests/lab", False, "one guest"),
    ("tests/target", False, "SCSI target"),
    ("tests/metadata", False, "LVM's metadata"),
    ("tests/cluster", False, "Pacemaker's tools"),
    ("tests/unit", False, "unit"),
)


def names(folder: Path) -> Iterator[tuple[str, bool]]:
    """Each test below a folder with the names of its class and file, and whether it takes several servers."""
    for path in sorted(folder.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        whole = re.search(r"^pytestmark = .*\b(cluster|three)\b", text, re.MULTILINE) is not None
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                marks = {ast.unparse(mark) for mark in node.decorator_list}
                several = whole or bool(marks & {"pytest.mark.cluster", "pytest.mark.three"})
                yield f"{path.stem}_{node.name}", several


def table() -> str:
    """The table; its last column says on what the tests of a row run."""
    known = {folder: list(names(ROOT / folder)) for folder, _, _ in _TIERS}
    rows = []
    for feature in FEATURES:
        tiers = []
        for folder, several, tier in _TIERS:
            if any(is_several == several and re.search(feature.tests, name) for name, is_several in known[folder]):
                tiers.append(tier)
        engines = (feature.one_server, feature.pacemaker, feature.lifekeeper)
        rows.append(f"| {' | '.join((feature.subject, *engines, ', '.join(tiers)))} |\n")
    return BEGIN + RULE + "".join(rows)


def renewed(text: str) -> str:
    """README's text with the table as it should be."""
    start = text.index(BEGIN)
    end = text.index(END, start) + 1
    return text[:start] + table() + text[end:]


if __name__ == "__main__":
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")
