"""Turn a root directory that mmdebstrap has filled into the files a guest boots from: disk image, kernel, initramfs.

This runs as mmdebstrap's customize hook, so that it is root in there whether or not the user is: file owners come out
right and no step needs a loop device.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from . import initramfs

IMAGE_FOLDER = Path(__file__).resolve().parents[1] / "image"
AGENT = Path(__file__).with_name("agent.py")
OUTPUT_VARIABLE = "LVMKIT_LAB_OUTPUT"
"""Environment variable that tells the hook where to put its files."""
ROOT_IMAGE, KERNEL, INITRAMFS = "root.img", "vmlinuz", "initramfs.img"
ROOT_SIZE = "2G"
PORTS = tuple(f"lab.{number}" for number in range(4))
"""Names of the virtio-serial ports, one agent each: as many commands can run in a guest at once."""
UNWANTED = (
    "boot",
    "var/cache/apt",
    "var/cache/debconf",
    "var/lib/apt/lists",
    "var/lib/postgresql",
    "etc/postgresql",
    "usr/lib/udev/hwdb.bin",
    "etc/udev/hwdb.bin",
    "usr/sbin/policy-rc.d",
)
STARTER = "sbin/start-stop-daemon"
"""what starts daemons; while packages are installed mmdebstrap has another one in its place, and policy-rc.d"""


def list_file(name: str) -> list[str]:
    """Return the entries of one of the image folder's lists: one a line, # starts a comment."""
    lines = (line.partition("#")[0].strip() for line in (IMAGE_FOLDER / name).read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def finish(root: Path, output: Path) -> None:
    """Write the disk image, the kernel and the initramfs made of `root` into the folder `output`."""
    _customise(root)
    modules = next((root / "usr/lib/modules").iterdir())
    shutil.copyfile(root / "boot" / f"vmlinuz-{modules.name}", output / KERNEL)
    (output / INITRAMFS).write_bytes(initramfs.build(root, modules, (IMAGE_FOLDER / "initramfs-init").read_bytes()))
    for name in UNWANTED:
        _remove(root / name)
    _put_back(root / STARTER)
    with _without_mounts(root) as bare:
        _make_filesystem(bare, output / ROOT_IMAGE)


def _customise(root: Path) -> None:
    shutil.copytree(IMAGE_FOLDER / "files", root, dirs_exist_ok=True, symlinks=True)
    shutil.copyfile(AGENT, root / "usr/local/lib/lab/agent.py")
    units = root / "etc/systemd/system"
    for unit in list_file("masked-units.txt"):
        _link(units / unit, "/dev/null")
    for port in PORTS:
        _link(units / f"multi-user.target.wants/lab-agent@{port}.service", "/etc/systemd/system/lab-agent@.service")
    _link(units / "multi-user.target.wants/lab-network.service", "/etc/systemd/system/lab-network.service")
    (root / "etc/machine-id").write_bytes(b"")
    (root / "etc/fstab").write_text("/dev/vda / ext4 noatime 0 0\n", encoding="ascii")


def _link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
        path.mkdir()
    else:
        path.unlink(missing_ok=True)


def _put_back(path: Path) -> None:
    """Let a guest have the program that mmdebstrap has set aside, and would only put back when the image is made."""
    aside = path.with_name(f"{path.name}.REAL")
    if aside.exists():
        aside.replace(path)


@contextlib.contextmanager
def _without_mounts(root: Path) -> Iterator[Path]:
    """Offer `root` under another name where mmdebstrap's /proc, /sys and /dev are not mounted.

    A bind mount is not recursive. The hook has a mount namespace of its own, so this mount is never seen outside and
    ends with the hook.
    """
    bare = Path(tempfile.mkdtemp(prefix="bare-", dir=root.parent))
    subprocess.run(["/bin/mount", "--bind", root, bare], check=True)
    try:
        yield bare
    finally:
        subprocess.run(["/bin/umount", bare], check=True)
        bare.rmdir()


def _make_filesystem(root: Path, image: Path) -> None:
    """Make the root disk: ext4, no journal writes lost to lazy initialisation, no reserve."""
    options = (
        "-q",
        "-F",
        "-t",
        "ext4",
        "-L",
        "root",
        "-m",
        "0",
        "-E",
        "lazy_itable_init=0,lazy_journal_init=0,nodiscard",
    )
    subprocess.run(["/sbin/mke2fs", *options, "-d", root, image, ROOT_SIZE], check=True)
