"""A server for the tests of the OCF agents: a small kernel, a small LVM and a small cluster that note what is asked."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lvmkit.cluster.pacemaker import tools
from lvmkit.entry import boundary
from lvmkit.entry.ocf.agent import main
from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.messages.extend import ServerTooSlow
from lvmkit.model.messages.faults import KernelUnreadable, PvReadFailed
from lvmkit.model.messages.storage import CommandHung
from lvmkit.model.settings import Paths
from lvmkit.peer.kernels import Kernels
from lvmkit.resources import kernel
from lvmkit.storage import claims, dm, holders, lvm, probe, sysfs, vitals
from lvmkit.storage.run import Finished
from tests.unit.peer_fakes import devices

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from lvmkit.host import Devices

VG_UUID = "eZLYNF-60RB-HoX8-hEsD-z8RN-RvTJ-gHkArK"
OTHER_UUID = "aZLYNF-60RB-HoX8-hEsD-z8RN-RvTJ-gHkArK"
DATA, WWW = "UC2RRa-Y6Dy-tsmu-z4Fv-zSJc-N9Gg-VNRuJ5", "VC2RRa-Y6Dy-tsmu-z4Fv-zSJc-N9Gg-VNRuJ5"
LVS = {"data--x": DATA, "www": WWW}
PV_UUID = "PC2RRa-Y6Dy-tsmu-z4Fv-zSJc-N9Gg-VNRuJ5"
VG = "my-vg"
DISK = "8:0"
NODE, PEER = "n1", "n2"

OK, FAILED, ARGUMENTS, UNIMPLEMENTED, INSTALLED, CONFIGURED, STOPPED = 0, 1, 2, 3, 5, 6, 7


class Server:
    """One server: what its kernel holds, what is on its disks, and an LVM between the two that notes each command."""

    def __init__(self, folder: Path) -> None:
        self.paths = Paths(run=f"{folder}/run", state=f"{folder}/state", defaults=f"{folder}/defaults")
        Path(self.paths.defaults).write_text("LVMKIT_BUSY_PATIENCE=0\n")
        self.given: dict[str, str] = {"vg": VG, "vg_uuid": VG_UUID}
        self.interval = "10000"
        self.level = ""
        self.up: dict[str, dm.DeviceStatus] = {}
        self.gone: set[str] = set()
        """disks that left the kernel"""
        self.unreadable: set[str] = set()
        self.opened = 0
        self.commands: list[str] = []
        self.configs: list[str] = []
        self.installed = True
        self.hangs = False
        self.uuid, self.found, self.owner, self.own_id = VG_UUID, 1, "", ""
        self.exported = self.missing = ""
        self.forgets_owner = False
        self.drivers("Block devices:\n  8 sd\n253 device-mapper\n")
        self.nodes: dict[str, dict[str, str]] = {}
        self.runs_on: tuple[str, ...] = ()
        self.fenced: set[str] = set()
        self.last: dict[str, tuple[str, str]] = {}
        """node: the resource's last operation there, and its code"""
        self.held: dict[str, tuple[str, ...]] = {}
        """node: the volumes that its kernel holds"""
        self.silent: set[str] = set()
        self.asked: list[str] = []
        """nodes that were asked over ssh"""
        self.listed = True

    # -- kernel

    def drivers(self, text: str) -> None:
        """What /proc/devices says."""
        Path(self.paths.run).parent.joinpath("devices").write_text(text)

    def appear(
        self, name: str, *, kind: str = "linear", suspended: bool = False, vg_uuid: str = "", params: str = ""
    ) -> None:
        uuid = names.dm_uuid(vg_uuid or self.uuid, LVS[name])
        lines = (dm.Target(0, 8, kind, params),)
        number = f"253:{sorted(LVS).index(name)}"
        device = names.dm_name(VG, name)
        self.up[uuid] = dm.DeviceStatus(device, uuid, number, self.opened, suspended, False, True, lines)

    def devices(self) -> tuple[dm.Device, ...]:
        if not self.listed:
            raise Failure(KernelUnreadable("No such device"))
        return tuple(dm.Device(s.name, s.uuid, s.number) for s in self.up.values())

    def remove(self, uuid: str) -> str:
        return dm.REMOVED if self.up.pop(uuid, None) else dm.ABSENT

    # -- LVM and the cluster

    def run(self, argv: Sequence[str], **_how: object) -> Finished:
        if argv[0].startswith("/usr/sbin/c"):
            self.commands.append(os.path.basename(argv[0]))
            said = self.crm_mon() if argv[0].endswith("crm_mon") else self.history()
            return Finished(tuple(argv), 0, said, "", 0.1)
        command = f"{argv[1]} {argv[2]}" if argv[2:] and argv[2] in ("-ay", "-an") else argv[1]
        config = next((after for word, after in zip(argv, argv[1:]) if word == "--config"), "")
        if "--systemid" in argv:
            command += " --systemid"
        self.commands.append(command)
        self.configs.append(config)
        if self.hangs:
            raise Failure(CommandHung(command, 60.0, "killed"))
        status, out, error = self.answer(command, argv, config)
        return Finished(tuple(argv), status, out, error, 0.1)

    def answer(self, command: str, argv: Sequence[str], config: str) -> tuple[int, str, str]:
        speaks_as = re.findall(r'local/system_id="([^"]*)"', config) or [self.own_id]
        allowed = {"", *speaks_as, *re.findall(r'extra_system_ids=\["([^"]*)"\]', config)}
        if command == "fullreport":
            return 0, json.dumps({"report": [self.part()] * self.found}), ""
        if command == "systemid":
            return 0, f"  system ID: {self.own_id}\n", ""
        if self.owner not in allowed and not command.endswith("-an"):
            return 5, "", f"Cannot access VG {VG} with system ID {self.owner} with local system ID {speaks_as}."
        if command == "vgchange --systemid" and not self.forgets_owner:
            self.owner = argv[argv.index("--systemid") + 1]
        for name in [LV for LV in LVS if command.startswith("vgchange") or f"{VG}/{LV}" in argv]:
            if command.endswith("-ay") and names.dm_uuid(VG_UUID, LVS[name]) not in self.up:
                self.appear(name)
            elif command.endswith("-an"):
                self.up.pop(names.dm_uuid(VG_UUID, LVS[name]), None)
        return 0, "", ""

    def part(self) -> dict[str, Any]:
        """The volume group as fullreport prints it."""
        volumes = [
            {
                "lv_uuid": uuid,
                "lv_name": name,
                "lv_size": "9",
                "lv_role": "public",
                "lv_skip_activation": "",
                "origin": "",
                "pool_lv": "",
            }
            for name, uuid in LVS.items()
        ]
        group = {
            "vg_uuid": self.uuid,
            "vg_name": VG,
            "vg_size": "9",
            "vg_exported": self.exported,
            "vg_systemid": self.owner,
            "vg_autoactivation": "",
        }
        disk = {"pv_uuid": PV_UUID, "pv_name": "/dev/sda", "pv_size": "9", "pv_missing": self.missing}
        kinds = [{"lv_uuid": uuid, "segtype": "linear"} for uuid in LVS.values()]
        return {"vg": [group], "pv": [disk], "lv": volumes, "pvseg": [], "seg": kinds}

    def crm_mon(self) -> str:
        nodes = "".join(
            f'<node name="{name}" {" ".join(f"{k}={v!r}" for k, v in marks.items())}/>'
            for name, marks in self.nodes.items()
        )
        where = "".join(f'<node name="{name}"/>' for name in self.runs_on)
        mine = f'<resource id="res">{where}</resource>'
        other = f'<resource id="x"><node name="{PEER}"/></resource>'
        resources = f"<resources><group>{mine}{other}</group></resources>"
        options = '<cluster_options stonith-enabled="true" maintenance-mode="false"/>'
        fenced = "".join(
            f'<fence_event target="{name}" action="reboot" status="success" client="pacemaker-controld.1"/>'
            for name in self.fenced
        )
        return (
            f"<pacemaker-result><summary>{options}</summary><nodes>{nodes}</nodes>{resources}"
            f"<fence_history>{fenced}</fence_history></pacemaker-result>"
        )

    def history(self) -> str:
        """The CIB's status section: the last operation of the resource on each node that was not fenced."""
        states = "".join(
            f'<node_state uname="{name}"><lrm><lrm_resource id="res"><lrm_rsc_op operation="{last[0]}"'
            f' rc-code="{last[1]}" op-status="0" call-id="5"/></lrm_resource></lrm></node_state>'
            for name in self.nodes
            if name not in self.fenced
            for last in [self.last.get(name, ("stop", "0"))]
        )
        return f"<status>{states}</status>"

    def ssh(self, node: str) -> Devices | Failure:
        """What another node's kernel holds, or why it does not say."""
        self.asked.append(node)
        return Failure(ServerTooSlow(node, 5)) if node in self.silent else devices(VG_UUID, *self.held.get(node, ()))

    # -- calling

    def call(self, action: str, agent: str = "lvmvg") -> int:
        environment = {f"OCF_RESKEY_{name}": value for name, value in self.given.items()}
        environment |= {
            "OCF_RESOURCE_INSTANCE": "res",
            "OCF_RESKEY_CRM_meta_on_node": NODE,
            "OCF_CHECK_LEVEL": self.level,
        }
        environment |= {"OCF_RESKEY_CRM_meta_interval": self.interval, "OCF_RESKEY_CRM_meta_timeout": "20000"}
        return main(f"/x/{agent}", [action] if action else [], self.paths, environment)

    def start(self, agent: str = "lvmvg") -> None:
        assert self.call("start", agent) == OK
        self.commands.clear()


def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server in the place of this one, for the length of a test."""
    server = Server(tmp_path)

    def read(physical: Sequence[Any], **_how: object) -> list[Any]:
        broken = [pv for pv in physical if pv.number in server.unreadable]
        return [PvReadFailed(pv.device, pv.uuid, "Input/output error") for pv in broken]

    fakes: dict[Any, dict[str, Any]] = {
        lvm: {"run": server.run, "_is_block_device": lambda _path: True},
        tools: {"run": server.run},
        Kernels: {"devices": lambda _self, servers, *_, **__: {each: server.ssh(each) for each in servers}},
        claims: {"on": lambda devices, *_, **__: (claims.Claim(),) * len(devices)},
        dm: {
            "list_devices": server.devices,
            "status": lambda uuid="", **_: server.up.get(uuid),
            "dependencies": lambda *_, **__: (DISK,),
            "remove": server.remove,
            "removal_order": lambda devices: tuple(devices),
        },
        sysfs: {
            "number_of": lambda _path: DISK,
            "sequence": lambda *_: "7",
            "condition": lambda number, *_: "gone" if number in server.gone else "",
            "whole_disk": lambda number, *_: number,
            "kernel_name": lambda *_: "sda",
            "slaves": lambda *_: (),
            "array": lambda *_: None,
        },
        probe: {"pv_read_faults": read, "bounded": lambda work, **_: probe.Ending(result=work())},
        holders: {"of_device": lambda *_: (), "described": lambda *_: ("bash (77)",)},
        kernel: {"DRIVERS": f"{tmp_path}/devices"},
        boundary: {"_turn_signals_into_exceptions": lambda: None},
        os: {"access": lambda *_: server.installed},
    }
    for module, functions in fakes.items():
        for name, function in functions.items():
            monkeypatch.setattr(module, name, function)
    known: Any = vitals.record_faults.__kwdefaults__
    monkeypatch.setitem(known, "status", lambda uuid="", **_: server.up.get(uuid))
    monkeypatch.setitem(known, "below", lambda *_, **__: (DISK,))
    return server


def reason(capfd: pytest.CaptureFixture[str]) -> int:
    """The number in the exit reason; 0 where there is none."""
    found = re.findall(r"^ocf-exit-reason:(\d{6}) \S", capfd.readouterr().err, re.M)
    assert len(found) < 2
    return int(found[0]) if found else 0
