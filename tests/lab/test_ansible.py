"""The Ansible role on a real server: it installs settings, protects, and has nothing to do the second time."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from lab.guests.guest import Guest
from lab.guests.lab import CHECKOUT, Lab
from lab.helpers_changes import made
from lab.helpers_service import guest_in

PLAYBOOK = CHECKOUT / "build/ansible/bin/ansible-playbook"
PLUGINS = Path(__file__).with_name("ansible_plugins")
WANTED = {
    "role": "lvmkit",
    "lvmkit_settings": {"LVMKIT_WATCH_INTERVAL": "20"},
    "lvmkit_hierarchies": [{"path": "/srv/data"}, {"path": "/dev/vg1/www", "tag": "web"}],
}


@pytest.fixture
def server(pushed_lab: Lab) -> Guest:
    """Two file systems, of which one is unmounted again: its volume is what is protected."""
    if not PLAYBOOK.exists():
        pytest.skip("Ansible is not installed (make ansible does that)")
    guest = guest_in(pushed_lab, "made", made)
    guest.sh("umount /srv/www")
    return guest


def _play(guest: Guest, folder: Path, *options: str) -> dict[str, int]:
    """Run the role in the guest; its counts."""
    play = [{"hosts": "all", "connection": "lvmkit_lab", "gather_facts": True, "roles": [WANTED]}]
    (folder / "play.yml").write_text(json.dumps(play))
    # PYTHONPATH: with tests/ on it, our tests/ansible would be found in place of Ansible.
    environment = {
        **os.environ, "HOME": str(folder), "LC_ALL": "C.UTF-8", "LVMKIT_LAB": guest.lab.name, "PYTHONPATH": "",
        "ANSIBLE_ROLES_PATH": str(CHECKOUT / "share/ansible/roles"), "ANSIBLE_CONNECTION_PLUGINS": str(PLUGINS),
    }  # fmt: skip
    command = (PLAYBOOK, "-i", "server,", "-e", "lvmkit_lab_guest=1", *options, folder / "play.yml")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", done.stdout.rpartition("server ")[2])}


@pytest.mark.slow
def test_the_role_protects_and_is_idempotent(server: Guest, tmp_path: Path) -> None:
    assert _play(server, tmp_path, "--check", "--diff")["changed"] >= 2
    assert server.run("lvmkit", "tags").stdout == ""
    assert _play(server, tmp_path)["changed"] >= 2
    assert {"/srv/data", "web"} <= set(server.run("lvmkit", "tags").stdout.split())
    assert "LVMKIT_WATCH_INTERVAL=20" in server.run("cat", "/etc/default/lvmkit").stdout
    assert _play(server, tmp_path)["changed"] == 0
