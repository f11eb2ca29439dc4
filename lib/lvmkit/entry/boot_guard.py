"""The boot guard as a program: `lvmkit-boot-guard [--dry-run]`, run by its systemd unit before the cluster starts.

Standard library only, as everything that runs unattended. Exit 0: no listed volume group stays active; 1: one does, or
the guard could not do its work. Nothing depends on the exit code: the boot goes on in any case.
"""

from __future__ import annotations

import os

from lvmkit.entry.boundary import guarded
from lvmkit.entry.report import Voice
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import NotRoot
from lvmkit.model.messages.guide import UsageError
from lvmkit.model.settings import Paths

PROGRAM = "lvmkit-boot-guard"
_DRY_RUN = ("-n", "--dry-run")


def main(arguments: list[str], paths: Paths | None = None) -> int:
    """Run the boot guard; returns the exit code."""
    voice = Voice(PROGRAM, "boot", "guard")

    def work() -> int:
        if any(word not in _DRY_RUN for word in arguments):
            raise Failure(UsageError(f"{PROGRAM} [--dry-run]"))
        if os.geteuid() != 0:
            raise Failure(NotRoot(PROGRAM))
        from lvmkit.entry.kit import kit
        from lvmkit.workflow.boot_guard import guard

        return 0 if guard(kit(paths or Paths(), voice.tell), dry_run=bool(arguments)) else 1

    return guarded(work, voice, os.uname().nodename, lambda message: message.script_exit)
