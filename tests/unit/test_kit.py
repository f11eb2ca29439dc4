"""The kit as one run gets it: where it is installed, which settings it was given, and which engine answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.entry.kit import installed, protected_volumes
from lvmkit.model.facts import VgFacts
from lvmkit.model.messages.storage import SettingIgnored
from lvmkit.model.settings import Paths
from tests.unit.one_server import Server

if TYPE_CHECKING:
    from pathlib import Path

    from lvmkit.model.messages import Message

CIB = """<cib><configuration><resources>
  <primitive id="www" class="ocf" provider="heartbeat" type="Filesystem"><instance_attributes id="www-attributes">
    <nvpair id="www-device" name="device" value="/dev/vg1/www"/></instance_attributes></primitive>
</resources></configuration></cib>"""


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def volumes(server: Server) -> list[str]:
    told: list[Message] = []
    group = VgFacts("vg1", "lvmvg-vg1", "vg1", server.group.uuid)
    with server.machine.running():
        found = protected_volumes(group, server.machine.paths, told.append)
    assert told == []
    return [volume.name for volume in found or ()]


def test_the_engine_of_one_server_says_which_volumes_are_protected(server: Server) -> None:
    assert volumes(server) == ["data"]


def test_the_cluster_says_which_volumes_are_protected(server: Server) -> None:
    with open(server.machine.paths.cib, "w", encoding="utf-8") as file:
        file.write(CIB)
    assert volumes(server) == ["www"]


def test_a_setting_that_cannot_be_meant_is_told_by_every_command(server: Server) -> None:
    with open(server.machine.paths.own_defaults, "w", encoding="utf-8") as file:
        file.write("LVMKIT_COMMAND_DEADLINE=soon\n")
    answer = server.machine.admin("lvmvg/canextend", "vg1", "vg1")
    assert SettingIgnored.number in answer.said


def test_the_scripts_find_the_kit_that_they_are_installed_with(tmp_path: Path) -> None:
    (tmp_path / "subsys").mkdir()
    assert installed(f"{tmp_path}/bin/lvmkit").lkroot == str(tmp_path)


def test_the_scripts_of_a_checkout_use_the_installed_kit(tmp_path: Path) -> None:
    assert installed(f"{tmp_path}/bin/lvmkit") == Paths()
