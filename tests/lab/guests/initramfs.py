"""Build the guest's initramfs: busybox, the modules of the root disk and one short script.

Debian's own initramfs is 20 MB and takes many seconds to build, to load and to run under emulation; this one is 2 MB.
The archive is written here because cpio may not be installed (format: "newc", initramfs/buffer-format in the kernel's
documentation).
"""

from __future__ import annotations

import lzma
import stat
from pathlib import Path

FOLDERS = ("bin", "dev", "proc", "root")
MODULES = ("virtio_pci", "virtio_blk")
TRAILER = "TRAILER!!!"


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _entry(inode: int, name: str, mode: int, content: bytes) -> bytes:
    fields = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + name.encode() + b"\0") + _padded(content)


def archive(files: dict[str, tuple[int, bytes]]) -> bytes:
    """Return a cpio archive of `files`: name -> (mode with type bits, content)."""
    entries = [_entry(number, name, mode, content) for number, (name, (mode, content)) in enumerate(files.items(), 1)]
    return b"".join([*entries, _entry(0, TRAILER, 0, b"")])


def load_order(modules: Path, names: tuple[str, ...]) -> list[Path]:
    """Return the files of the modules `names` and of what they need, in the order to load them.

    modules: the folder of one kernel's modules, with modules.dep (source: modules.dep(5), what is needed first is
    listed last). What is built into the kernel (modules.builtin) is not loaded.
    """
    needs: dict[str, list[str]] = {name: [] for name in _built_in(modules)}
    for line in (modules / "modules.dep").read_text(encoding="ascii").splitlines():
        path, _, others = line.partition(":")
        needs[_module(path)] = [path, *others.split()]
    order = [modules / path for name in names for path in reversed(needs[name])]
    return list(dict.fromkeys(order))


def _built_in(modules: Path) -> list[str]:
    return [_module(path) for path in (modules / "modules.builtin").read_text(encoding="ascii").splitlines()]


def _module(path: str) -> str:
    """Return a module's name for its file: NAME.ko, or compressed."""
    return Path(path).name.partition(".ko")[0]


def _plain(path: Path) -> bytes:
    """Return a module's content. busybox loads no compressed one."""
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def build(root: Path, modules: Path, init: bytes) -> bytes:
    """Return the initramfs for the guest whose files are under `root`.

    modules: the folder of its kernel's modules.  init: the script that runs first.
    """
    order = load_order(modules, MODULES)
    files = dict.fromkeys(FOLDERS, (stat.S_IFDIR | 0o755, b""))
    files["init"] = (stat.S_IFREG | 0o755, init)
    files["bin/busybox"] = (stat.S_IFREG | 0o755, (root / "bin/busybox").read_bytes())
    files.update({f"{_module(path.name)}.ko": (stat.S_IFREG | 0o644, _plain(path)) for path in order})
    files["modules"] = (stat.S_IFREG | 0o644, "".join(f"/{_module(path.name)}.ko\n" for path in order).encode())
    return archive(files)
