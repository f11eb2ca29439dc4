"""lvmkit unprotected: what create could protect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.unit.one_server import Server

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def test_a_mount_on_a_volume_is_offered_until_it_is_protected(server: Server) -> None:
    server.machine.mount_at("/srv/www", "vg1/www")
    answer = json.loads("".join(server.machine.command("unprotected", "--format", "json").out))
    assert answer["mounts"] == [{"mount_point": "/srv/www", "device": "/dev/vg1/www", "vg": "vg1", "fstype": "ext4"}]
    assert server.machine.command("create", "/srv/www").code == 0
    assert server.machine.command("unprotected").out == []


@pytest.mark.parametrize(("name", "value"), [("point", "/var"), ("root", "/part"), ("number", "8:0")])
def test_what_create_would_refuse_anyway_is_not_offered(server: Server, name: str, value: str) -> None:
    """What the server itself needs, a folder of a file system, and what is on no logical volume."""
    server.machine.mount_at("/srv/www", "vg1/www")
    setattr(server.machine.mounts[-1], name, value)
    server.machine._write_mounts()
    assert server.machine.command("unprotected").out == []
