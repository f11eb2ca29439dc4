"""Find out how fast guests can run here.

/dev/kvm may exist where no guest boots under it, so the only test is to boot one.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

from . import store
from .image import Image

QEMU = "qemu-system-x86_64"
BOOT_DEADLINE = 6.0
"""Seconds a kernel gets to say something under KVM. It needs less than two where KVM works."""
PROBE_MESSAGE = b"lab: the kernel is up"


def choose(image: Image) -> str:
    """Return the QEMU accelerator to use: kvm if the image's kernel boots under it, else tcg.

    The verdict is remembered until this machine boots again.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    verdict = store.runtime() / f"accel-{boot}"
    with store.lock("accel"):
        if not verdict.exists():
            verdict.write_text("kvm" if _boots_under_kvm(image) else "tcg", encoding="ascii")
        return verdict.read_text(encoding="ascii")


def _boots_under_kvm(image: Image) -> bool:
    command = [
        QEMU,
        "-accel",
        "kvm",
        "-m",
        "256",
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-no-reboot",
        "-serial",
        "stdio",
        "-kernel",
        str(image.kernel),
        "-initrd",
        str(image.initramfs),
        "-append",
        "console=ttyS0 quiet lab.probe",
    ]
    output = b""
    with contextlib.suppress(subprocess.TimeoutExpired):
        output = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=BOOT_DEADLINE,
            check=False,
        ).stdout
    return PROBE_MESSAGE in output
