"""A server to install packages on: a clean root with a layer in memory above it, which is gone when the test ends."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

KIT = "/usr/lib/lvmkit"
PACKAGES = "/srv"
"""where the packages are, on the server"""
PATIENCE = 300
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "HOME": "/root",
}
# The mounts are in a namespace of their own, which ends with this process, and that with its stdin. In /dev there is no
# disk and no device-mapper: nothing that is tried here can reach those of the machine.
HOLDER = """
cd "$1"
mount -t tmpfs -o size=1g,mode=755 lvmkit-packages /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=.,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
cd /mnt/root
mount -t proc proc proc
mount -t tmpfs -o mode=755 dev dev
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/zero c 1 5
mknod -m 666 dev/random c 1 8
mknod -m 666 dev/urandom c 1 9
ln -s /proc/self/fd dev/fd
mount --bind "$2" srv
echo 0123456789abcdef0123456789abcdef > etc/machine-id
echo ready
exec cat
"""
PROTECT = """
import sys
sys.path.insert(0, "/usr/lib/lvmkit/lib")
from lvmkit.cluster.embedded import Engine
from lvmkit.cluster.port import Change
from lvmkit.model.instance import Dependency, Instance
from lvmkit.model.settings import Paths, Settings
engine = Engine(Paths(), Settings())
here = engine.local_server()
instances = (
    Instance(here, "scsi", "lvmlv", "vg1/data", "/dev/vg1/data", "vg_uuid=a\\x02lv_uuid=b", "OSU"),
    Instance(here, "scsi", "lvmvg", "vg1", "lvmvg-vg1", "vg_uuid=a", "OSU"),
)
engine.commit(Change(add=instances, link=(Dependency("vg1/data", "vg1"),)))
"""
UNPROTECT = PROTECT.partition("instances = ")[0] + 'engine.commit(Change(remove=("vg1/data", "vg1")))\n'


class Server:
    """One server. What is run there is root."""

    def __init__(self, root: Path, packages: Path) -> None:
        self.packages = packages
        command = ("unshare", "--mount", "--propagation", "private", "sh", "-euc", HOLDER, "sh", root, packages)
        self._holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "ready\n"

    def command(self, *argv: str) -> tuple[str, ...]:
        """The words that run a program there."""
        return ("nsenter", "-t", str(self._holder.pid), "-m", "chroot", "/mnt/root", *argv)

    def run(
        self, *argv: str, stdin: str = "", environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, whatever that is."""
        return subprocess.run(
            self.command(*argv), input=stdin, capture_output=True, text=True, check=False, timeout=PATIENCE,
            env={**ENVIRONMENT, **(environment or {})},
        )  # fmt: skip

    def must(self, *argv: str, stdin: str = "") -> str:
        """Run a program that has to succeed; what it prints."""
        done = self.run(*argv, stdin=stdin)
        assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout

    def write(self, path: str, text: str) -> None:
        """Write a file, with its folder; executable."""
        self.must("sh", "-ec", 'mkdir -p "${1%/*}"; cat > "$1"; chmod 755 "$1"', "sh", path, stdin=text)

    def has(self, path: str) -> bool:
        """Whether something is there, be it a link to nothing."""
        return self.run("sh", "-c", '[ -e "$1" ] || [ -L "$1" ]', "sh", path).returncode == 0

    def dpkg(self, action: str, *names: str) -> subprocess.CompletedProcess[str]:
        """Run dpkg; names of files are those of packages."""
        return self.run("dpkg", action, *(f"{PACKAGES}/{name}" if name.endswith(".deb") else name for name in names))

    def install(self, *names: str) -> None:
        """As dpkg does it; the packages that they need must be there."""
        done = self.dpkg("--install", *names)
        assert done.returncode == 0, done.stdout + done.stderr

    def state(self, package: str) -> str:
        """What dpkg says of a package, as "ii"; "" for one that it does not know."""
        return self.run("dpkg-query", "-W", "-f", "${db:Status-Abbrev}", package).stdout.strip()

    def protect(self) -> None:
        """Put a hierarchy into the engine's database: what create leaves there where everything is out of service."""
        self.must("python3", "-c", PROTECT)

    def unprotect(self) -> None:
        """What delete leaves there."""
        self.must("python3", "-c", UNPROTECT)

    def has_systemd(self) -> None:
        """Let the packages' scripts find systemd at work; what they want of it is noted."""
        self.must("mkdir", "-p", "/run/systemd/system")
        self.write(
            "/usr/bin/systemctl", '#!/bin/sh\\necho "$@" >> /systemctl.log\\necho enabled\\n'.replace("\\n", "\n")
        )

    def asked_of_systemd(self) -> list[str]:
        """The commands since the last time."""
        commands = self.run("cat", "/systemctl.log").stdout.splitlines()
        self.must("rm", "-f", "/systemctl.log")
        return commands

    def close(self) -> None:
        """Throw it away."""
        assert self._holder.stdin is not None
        self._holder.stdin.close()
        self._holder.wait(PATIENCE)
