"""What this server has installed that a hierarchy needs to run here: agents, tools, kernel modules, the boot guard."""

from __future__ import annotations

import os

from lvmkit.model.resource_types import agents
from lvmkit.storage import files
from lvmkit.storage.run import run

AGENTS = "/usr/lib/ocf/resource.d"
SYSTEMCTL = ("/usr/bin/systemctl", "/bin/systemctl")
GUARD_UNIT, BOOT_TARGET = "lvmkit-boot-guard.service", "multi-user.target"
FILESYSTEMS, MODULES = "/proc/filesystems", "/lib/modules"

_DEADLINE = 10.0


def missing_agents() -> tuple[str, ...]:
    """Paths of the kit's OCF agents that Pacemaker would not find."""
    missing = []
    for provider, name in agents():
        path = f"{AGENTS}/{provider}/{name}"
        if not os.access(path, os.X_OK):
            missing.append(path)
    return tuple(missing)


def is_program(path: str) -> bool:
    """Whether a file is there that may be run."""
    return os.path.isfile(path) and os.access(path, os.X_OK)


def guard_state() -> str:
    """Why systemd would not start the boot guard at boot; '' where it would.

    Raises Failure: CommandMissing, CommandHung. Source: systemctl(1), show: WantedBy is what systemd has loaded, so a
    link that was installed with the kit counts, not only one made by 'systemctl enable'.
    """
    binary = files.first_present(SYSTEMCTL)
    answer = run((binary, "show", "--property=LoadState,WantedBy", GUARD_UNIT), deadline=_DEADLINE)
    facts = {}
    for line in answer.stdout.splitlines():
        name, _, value = line.partition("=")
        facts[name] = value
    state = facts.get("LoadState", "not known to systemd")
    if state != "loaded":
        return state
    return "" if BOOT_TARGET in facts.get("WantedBy", "").split() else "not enabled"


def knows_filesystem(kind: str) -> bool:
    """Whether the running kernel has this type of file system, or a module for it.

    Source: proc(5), filesystems; modules.alias(5): the module of a file system has the alias fs-TYPE.
    """
    for line in (files.read(FILESYSTEMS) or "").splitlines():
        if line.split()[-1:] == [kind]:
            return True
    with_alias = files.read(f"{MODULES}/{os.uname().release}/modules.alias") or ""
    return f"\nalias fs-{kind} " in f"\n{with_alias}"
