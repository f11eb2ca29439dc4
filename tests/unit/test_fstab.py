"""What the boot is told to do with devices, and what of it needs a volume group that is not active then."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.storage import boot_needs, fstab
from lvmkit.storage.boot_needs import InactiveGroup
from tests.unit.machine import Machine, SharedDisk, make_group, uuid_of

if TYPE_CHECKING:
    from lvmkit.storage.fstab import BootEntry

VG = uuid_of("vgvg1")
GROUP = InactiveGroup("vg1", VG, ("/srv/data",), ("0a1b-2c",), ("my data",))
OURS = "/dev/vg1/data /srv/data ext4 noauto,nofail 0 2\n"


class Boot:
    """A machine with vg1, whose /srv/data is protected, and with vg2; both are up unless a test takes them down."""

    def __init__(self, folder: Path) -> None:
        self.machine = Machine(folder)
        for name in ("vg1", "vg2"):
            disk = SharedDisk(name)
            make_group(name, (disk,))
            self.machine.attach(disk)
            self.machine.by_hand("vgchange", "-ay", name)

    def take_down(self) -> None:
        self.machine.by_hand("vgchange", "-an", "vg1")

    def kernel_name(self, mapped: str) -> str:
        device = next(d for d in self.machine.dm.devices.values() if d.name == mapped)
        return f"dm-{device.number.partition(':')[2]}"

    def link(self, path: str, mapped: str) -> None:
        """A link as udev makes it."""
        place = Path(self.machine.real(path))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(f"../../{self.kernel_name(mapped)}")

    def unit(self, folder: str, name: str, text: str, *, started_by: str = "") -> None:
        """A unit of systemd, started by a target."""
        place = Path(self.machine.real(f"{folder}/{name}"))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        if started_by:
            wants = Path(self.machine.real(f"/etc/systemd/system/{started_by}"))
            wants.mkdir(parents=True, exist_ok=True)
            (wants / name).symlink_to(f"../{name}")

    def needing(self, text: str, crypttab: str = "", group: InactiveGroup = GROUP) -> list[BootEntry]:
        Path(self.machine.paths.fstab).write_text(text)
        Path(self.machine.paths.crypttab).write_text(crypttab)
        with self.machine.running():
            return list(boot_needs.needing(group, boot_needs.entries(self.machine.paths)))

    def lines(self, text: str, crypttab: str = "") -> list[str]:
        return [entry.text for entry in self.needing(text, crypttab)]


@pytest.fixture
def boot(tmp_path: Path) -> Boot:
    return Boot(tmp_path)


NAMED = [
    "/dev/vg1/data /x ext4 defaults 0 2",
    "\t/dev/mapper/vg1-data\t/x xfs rw",
    "/dev/vg1/data /x",
    "/dev/vg1/www /www ext4 defaults 0 2",
    f"/dev/disk/by-id/dm-uuid-LVM-{VG.replace('-', '')}{'d' * 32} /x ext4 rw",
    "/dev/disk/by-id/dm-name-vg1-data /x ext4 rw",
    "UUID=0a1b-2c /x ext4 nofail,x-systemd.device-timeout=5 0 0",
    "UUID=0A1B-2C /x ext4 rw",
    'UUID="0a1b-2c" /x ext4 defaults 0 0',
    '"UUID=0a1b-2c" /x ext4 defaults 0 0',
    "/dev/disk/by-uuid/0A1B-2c /x ext4 rw",
    r"LABEL=my\040data /x ext4 defaults 0 0",
    'LABEL="my data" /x ext4 defaults 0 0',
    r"/dev/disk/by-label/my\134x20data /x ext4 rw",
    "/dev/sdx1 /srv/data/ ext4 noauto,auto 0 0",
    r"/dev/sdx1 /srv/data/in\040it ext4 rw",
    "/dev/vg1/swap none swap sw 0 0",
    '/srv/data/a"b /export none bind 0 0 #"',
    "/srv/data/folder /export none bind 0 0",
    "/srv/data/image.iso /mnt iso9660 loop,ro 0 0",
    "/srv/data/swapfile none swap sw 0 0",
    "overlay /merged overlay lowerdir=/usr/x:/srv/data/low,upperdir=/tmp/u,workdir=/tmp/w 0 0",
    "bindfs#/srv/data /b fuse defaults 0 0",
    "/dev/sdx1 /y ext4 rw,x-systemd.requires-mounts-for=/srv/data 0 0",
    "/mnt/one:/srv/data/two /pool mergerfs defaults 0 0",
]
"""entries that need the group, and say so by their text"""


@pytest.mark.parametrize("is_up", [False, True])
@pytest.mark.parametrize("entry", NAMED)
def test_an_entry_that_needs_the_group_is_named_exactly(boot: Boot, entry: str, is_up: bool) -> None:
    if not is_up:
        boot.take_down()
    (found,) = boot.needing(f"# head\n\n{OURS}{entry}\n/dev/sda1 / ext4 defaults 0 1")
    assert found.place == f"line 4 of {boot.machine.paths.fstab}"
    assert found.text == " ".join(entry.split())


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "#/dev/vg1/data /srv/data ext4 defaults 0 2",
        "/dev/vg1/data /srv/data ext4 noauto 0 2",
        "/dev/vg1/data /srv/data ext4 auto,noauto 0 2",
        "/dev/vg1/data /elsewhere ext4 x-systemd.automount 0 2",
        "/dev/vg2/data /srv/data2 ext4 defaults 0 2",
        "/dev/mapper/vg1--old-data /x ext4 defaults 0 2",
        "UUID=0a1b-2d /x ext4 defaults 0 2",
        "LABEL=my /x ext4 defaults 0 2",
        "tmpfs /srv/dat tmpfs defaults 0 0",
        "/dev/vg1/data",
        "data none swap sw 0 0",
        r"/dev/sdx \999\04 ext4 defaults",
        'LABEL=5" /x ext4 defaults 0 0',
    ],
)
def test_other_entries_and_those_that_wait_do_not_count(boot: Boot, entry: str) -> None:
    assert boot.lines(f"{OURS}/dev/sda1 / ext4 defaults 0 1\n{entry}\n") == []


@pytest.mark.parametrize(
    ("link", "source"),
    [
        ("/dev/disk/by-uuid/never-noted", "UUID=never-noted"),
        (r"/dev/disk/by-label/new\x20label", r"LABEL=new\040label"),
        ("/dev/disk/by-label/é#+-.:=@_", "LABEL=é#+-.:=@_"),
        ("/dev/disk/by-partuuid/p-1", "PARTUUID=p-1"),
        ("/dev/disk/by-partlabel/p", "PARTLABEL=p"),
        ("/dev/disk/by-id/dm-name-anything", "ID=dm-name-anything"),
        ("/dev/disk/by-id/dm-name-anything", "/dev/disk/by-id/dm-name-anything"),
    ],
)
def test_what_udev_s_links_lead_to_counts_whatever_it_is_called(boot: Boot, link: str, source: str) -> None:
    boot.link(link, "vg1-www")
    assert boot.lines(f"{source} /x ext4 defaults 0 2\n") == [f"{source} /x ext4 defaults 0 2"]


def test_the_kernel_s_own_name_counts(boot: Boot) -> None:
    entry = f"/dev/{boot.kernel_name('vg1-www')} /x ext4 defaults 0 2"
    assert boot.lines(entry) == [entry]
    assert boot.lines(f"/dev/{boot.kernel_name('vg2-www')} /x ext4 defaults 0 2") == []


def test_a_device_that_has_the_old_name_of_the_group_is_not_the_group_s(boot: Boot) -> None:
    assert boot.lines("/dev/vg2/data /x ext4 defaults 0 2") == []
    renamed = InactiveGroup("vg2", VG, ("/srv/data",))
    assert boot.needing("/dev/vg2/data /x ext4 defaults 0 2", group=renamed) == []
    assert len(boot.needing("/dev/vg1/data /x ext4 defaults 0 2", group=renamed)) == 1


def test_nothing_is_opened(boot: Boot) -> None:
    boot.machine.set_state(next(iter(boot.machine.attached.values())).disk, "hangs")
    assert boot.lines("LABEL=x /x ext4 defaults 0 2\n/dev/vg1/www /www ext4 rw\n") == ["/dev/vg1/www /www ext4 rw"]
    assert boot.machine.forked == 0


def test_what_stands_on_such_an_entry_counts_too(boot: Boot) -> None:
    text = "/export/disk.img /mnt ext4 loop 0 0\n/mnt/a /mnt2 none bind 0 0\n/srv/data/x /export none bind,noauto 0 0\n"
    assert [line.split()[0] for line in boot.lines(text)] == ["/export/disk.img", "/mnt/a"]


def test_a_device_that_is_unlocked_on_a_volume_counts_with_what_is_on_it(boot: Boot) -> None:
    found = boot.needing(
        "/dev/mapper/plain /p ext4 rw\n/dev/mapper/other /o ext4 rw\n", "plain /dev/vg1/data none luks\n"
    )
    assert [entry.text.split()[0] for entry in found] == ["plain", "/dev/mapper/plain"]
    assert found[0].remedy == "Write in its place: plain /dev/vg1/data none luks,noauto,nofail"


@pytest.mark.parametrize(
    ("entry", "better"),
    [
        ("/dev/vg1/a /a ext4 defaults 0 2", "/dev/vg1/a /a ext4 defaults,noauto,nofail 0 2"),
        ("/dev/vg1/a /a", "/dev/vg1/a /a auto defaults,noauto,nofail"),
        ("/dev/vg1/a /a ext4 rw,auto,nofail", "/dev/vg1/a /a ext4 rw,noauto,nofail"),
        (r"LABEL=my\040data /a\040b ext4 rw 0 0", r"LABEL=my\040data /a\040b ext4 rw,noauto,nofail 0 0"),
        ("/dev/vg1/s none swap sw 0 0", "/dev/vg1/s none swap sw,noauto,nofail 0 0"),
    ],
)
def test_what_to_write_is_the_line_without_the_boot(boot: Boot, entry: str, better: str) -> None:
    (found,) = boot.needing(entry)
    assert found.remedy == f"Write in its place: {better}"
    assert boot.lines(better) == []


def test_an_automount_at_the_protected_mount_point_is_named(boot: Boot) -> None:
    (found,) = boot.needing("/dev/vg1/data /srv/data ext4 noauto,x-systemd.automount 0 2")
    assert found.is_automount
    assert found.remedy.endswith("/srv/data ext4 noauto,nofail 0 2")


class TestUnits:
    TEXT = "[Unit]\nDescription=x\n[Mount]\nWhat=/dev/vg1/data\nWhere=/x\n[Install]\nWantedBy=multi-user.target\n"

    @pytest.mark.parametrize("folder", ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"])
    @pytest.mark.parametrize("pull", ["multi-user.target.wants", "local-fs.target.requires"])
    def test_a_unit_that_is_started_counts(self, boot: Boot, folder: str, pull: str) -> None:
        boot.unit(folder, "x.mount", self.TEXT, started_by=pull)
        (found,) = boot.needing("")
        assert (found.place, found.text) == (f"{folder}/x.mount", "What=/dev/vg1/data Where=/x")
        assert "systemctl disable x.mount" in found.remedy

    def test_one_that_nothing_starts_does_not_count_but_what_stands_on_it_does(self, boot: Boot) -> None:
        boot.unit("/etc/systemd/system", "x.mount", self.TEXT)
        assert boot.lines("/x/image /y ext4 loop\n") == ["/x/image /y ext4 loop"]

    def test_swap_and_files_on_the_file_system_count(self, boot: Boot) -> None:
        boot.unit(
            "/etc/systemd/system", "srv-data-swap.swap", "[Swap]\nWhat=/srv/data/swap\n", started_by="swap.target.wants"
        )
        boot.unit(
            "/etc/systemd/system",
            "e.mount",
            "[Mount]\nWhat=/srv/data/100%%\nWhere=/e\nOptions=bind\n",
            started_by="x.target.wants",
        )
        assert [entry.source for entry in boot.needing("")] == ["/srv/data/100%", "/srv/data/swap"]

    def test_a_masked_one_and_one_that_another_folder_hides_do_not_count(self, boot: Boot) -> None:
        boot.unit("/usr/lib/systemd/system", "x.mount", self.TEXT, started_by="multi-user.target.wants")
        etc = Path(boot.machine.real("/etc/systemd/system/x.mount"))
        etc.symlink_to("/dev/null")
        assert boot.needing("") == []
        etc.unlink()
        etc.write_text("[Mount]\nWhat=/dev/sda1\nWhere=/x\n")
        assert boot.needing("") == []

    def test_a_drop_in_decides(self, boot: Boot) -> None:
        boot.unit("/usr/lib/systemd/system", "x.mount", "[Mount]\nWhat=/dev/sda1\nWhere=/x\n", started_by="a.wants")
        boot.unit("/etc/systemd/system/x.mount.d", "more.conf", "[Mount]\nWhat=/dev/vg1/data\n")
        assert [entry.source for entry in boot.needing("")] == ["/dev/vg1/data"]

    def test_what_was_made_of_fstab_is_said_once(self, boot: Boot) -> None:
        text = "[Unit]\nSourcePath=/etc/fstab\n[Mount]\nWhere=/x\nWhat=/dev/vg1/data\n"
        boot.unit("/run/systemd/generator", "x.mount", text)
        os.makedirs(boot.machine.real("/run/systemd/generator/local-fs.target.requires"))
        os.symlink("../x.mount", boot.machine.real("/run/systemd/generator/local-fs.target.requires/x.mount"))
        assert boot.lines("/dev/vg1/data /x ext4 rw\n") == ["/dev/vg1/data /x ext4 rw"]

    def test_rubbish_is_passed_over(self, boot: Boot) -> None:
        for name, text in (("a.mount", ""), ("b.mount", "=\n[\nWhat\n;What=/dev/vg1/data\n"), ("c.swap", "\x00\xff")):
            boot.unit("/etc/systemd/system", name, text, started_by="x.wants")
        Path(boot.machine.real("/etc/systemd/system/d.mount")).mkdir()
        assert boot.needing("") == []


def test_a_table_of_rubbish_is_read_to_its_end() -> None:
    rubbish = "\x00\n\\\n\"\n'a\n#x y\n= =\n\"a b' c\n\udcff\n/dev/vg1/data /x\n"
    assert fstab.mounts(rubbish, "f")[-1].text == "/dev/vg1/data /x"
    assert fstab.unlocked(rubbish, "f")[-1].source == "/x"
