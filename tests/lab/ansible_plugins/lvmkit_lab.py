"""How Ansible reaches a guest of the lab: the connection 'lvmkit_lab', in which a host's address is its number."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Optional

from ansible.errors import AnsibleError
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: lvmkit_lab
short_description: Guests of the lab
description: Runs commands in a guest by way of the lab's command line.
options:
  guest:
    description: Number of the guest.
    default: inventory_hostname
    vars: [{name: inventory_hostname}, {name: lvmkit_lab_guest}]
"""
PROGRAM = os.environ.get("LVMKIT_LAB_PROGRAM", str(Path(__file__).parents[1] / "lab"))


class Connection(ConnectionBase):  # type: ignore[misc]
    """One guest."""

    transport = "lvmkit_lab"
    has_pipelining = False

    def _connect(self) -> Connection:
        return self

    def exec_command(
        self, cmd: str, in_data: Optional[bytes] = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        """Run a command line in the guest's shell."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        return self._lab("run", self._guest(), "--", "/bin/sh", "-c", cmd, stdin=in_data or b"")

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file into the guest."""
        self._copied("copy", self._guest(), in_path, out_path)

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file out of it."""
        self._copied("fetch", self._guest(), in_path, out_path)

    def close(self) -> None:
        """There is nothing to close."""

    def _guest(self) -> str:
        return str(self.get_option("guest"))

    def _copied(self, *words: str) -> None:
        code, _, err = self._lab(*words)
        if code:
            raise AnsibleError(err.decode(errors="replace"))

    def _lab(self, *words: str, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
        done = subprocess.run((PROGRAM, *words), input=stdin, capture_output=True, check=False)
        return done.returncode, done.stdout, done.stderr
