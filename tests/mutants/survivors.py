"""The mutants that may survive, each with the reason: survivors.txt, one a line, `FILE: KEY -- why`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mutants.source import Mutant

FILE = Path(__file__).with_name("survivors.txt")
_BETWEEN = " -- "


class Survivors:
    """What is known to survive."""

    def __init__(self, reasons: dict[str, str]) -> None:
        self.reasons = reasons

    @classmethod
    def load(cls) -> Survivors:
        """From the repository."""
        lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("# ")]
        return cls({key: why for key, _, why in (line.rpartition(_BETWEEN) for line in lines)})

    def compared(self, survived: Sequence[Mutant], among: Sequence[Mutant]) -> int:
        """Print what does not fit, and return 1 where something does not.

        survived: now.  among: all that were tried; what is listed of other files is not looked at.
        """
        tried, alive = {mutant.where for mutant in among}, {mutant.where for mutant in survived}
        new = [mutant for mutant in survived if mutant.where not in self.reasons]
        dead = [key for key in self.reasons if key in tried and key not in alive]
        print(f"{len(among)} mutants, {len(survived)} survived, {len(new)} of them are not explained")
        for mutant in new:
            print(f"not explained {mutant.where}")
        for key in dead:
            print(f"killed now, take it off the list: {key}")
        return 1 if new or dead else 0
