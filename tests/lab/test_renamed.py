"""Groups, volumes and the host get other names, with real LVM and a real kernel; and what the boot makes of it."""

from __future__ import annotations

import json

import pytest

from lab.audit import Cluster
from lab.guests.guest import BY_ID, Guest
from lab.guests.lab import Lab
from lab.helpers_changes import made, protected, same_data
from lab.helpers_protected import GROUP, MOUNT, PATIENCE, VG, is_up_on
from lab.helpers_service import guest_in, numbers, quick_check

pytestmark = pytest.mark.slow

RENAME = "vgrename -qq vg1 vg2; lvrename -qq vg2 data files"
TAKE_THE_NAME = f"""
vgcreate -qq --setautoactivation n vg1 {BY_ID}SHARED3
lvcreate -qq -L 20M -n data vg1
mkfs.ext4 -q /dev/vg1/data
"""
RESOURCES = (("lvmvg", "vg1"), ("lvmlv", "vg1/data"), ("filesys", "/srv/data"))
BOOT_ENTRIES = """
echo "UUID=$(blkid -s UUID -o value /dev/vg1/data | tr abcdef ABCDEF) /a ext4 defaults 0 0" >> /etc/fstab
e2label /dev/vg1/www 'the www'
udevadm trigger --settle /dev/vg1/www
cat >> /etc/fstab <<'END'
LABEL=the\\040www /srv/www ext4 defaults 0 2
/dev/disk/by-id/dm-name-vg1-www /b ext4 defaults 0 2
/srv/data/folder /srv/bound none bind 0 0
/srv/data/image /srv/image ext4 loop 0 0
/srv/bound/swapfile none swap sw 0 0
END
mkdir -p /srv/data/folder /srv/unit
cat > /etc/systemd/system/srv-unit.mount <<'END'
[Mount]
What=/dev/mapper/vg1-www
Where=/srv/unit
[Install]
WantedBy=multi-user.target
END
systemctl -q enable srv-unit.mount
"""


@pytest.fixture
def served(pushed_lab: Lab) -> Guest:
    return guest_in(pushed_lab, "protected", protected, base=("made", made))


def _source(guest: Guest) -> str:
    return guest.run("findmnt", "-no", "SOURCE", "/srv/data").stdout.strip()


def _autoactivation(guest: Guest, vg: str) -> str:
    return guest.run("vgs", "--noheadings", "-o", "vg_autoactivation", vg).stdout.strip()


def test_what_is_renamed_goes_on_and_comes_back_and_the_other_of_its_name_is_left_alone(served: Guest) -> None:
    served.sh(RENAME + TAKE_THE_NAME)
    for kind, tag in RESOURCES:
        assert quick_check(served, kind, tag) == []
    checked = served.run("lvmkit", "check", check=False)
    said = {word for line in checked.stdout.splitlines() for word in line.split() if word.startswith("110")}
    assert (checked.returncode, said) == (0, {"110018", "110340"})
    served.run("lvmkit", "out-of-service", "vg1")
    assert served.run("dmsetup", "info", "-c", "--noheadings", "-o", "name").stdout.split() == ["vg1-data"]
    served.run("lvmkit", "in-service", "/srv/data")
    assert _source(served) == "/dev/mapper/vg2-files"
    assert same_data(served)


def test_two_groups_that_exchange_their_names_go_on_and_get_them_at_once(served: Guest) -> None:
    served.sh(TAKE_THE_NAME.replace("vg1", "vg2") + "mkdir -p /srv/two; mount /dev/vg2/data /srv/two")
    served.run("lvmkit", "create", "/srv/two")
    served.sh("vgrename -qq vg1 x; vgrename -qq vg2 vg1; vgrename -qq x vg2")
    for group in ("vg1", "vg2"):
        served.run("lvmkit", "out-of-service", group)
    for point in ("/srv/data", "/srv/two"):
        served.run("lvmkit", "in-service", point)
    assert _source(served) == "/dev/mapper/vg2-data"
    assert same_data(served)
    served.run("lvmkit", "reconfigure", "lvmvg-vg1", "--yes")
    assert served.run("lvmkit", "--quiet", "check").stdout == ""
    listed = served.run("cat", "/etc/lkvgs").stdout.split()
    assert {"vg1", "vg2"} <= set(listed)
    served.run("lvmkit", "out-of-service", "lvmvg-vg1")
    assert _source(served) == "/dev/mapper/vg2-data"


def test_new_names_are_applied_while_it_is_mounted(served: Guest) -> None:
    served.sh(RENAME)
    before = served.run("findmnt", "-no", "ID", "/srv/data").stdout
    shown = json.loads(served.run("adddelpv", "vg1", "--format", "json").stdout)
    assert [change["new"] for change in shown["renamed"]] == ["lvmvg-vg2", "/dev/vg2/files", "/dev/vg2/files"]
    served.run("lvmkit", "reconfigure", "vg1", "--yes")
    again = served.run("lvmkit", "reconfigure", "vg1")
    assert numbers(again) == []
    assert served.run("findmnt", "-no", "ID", "/srv/data").stdout == before
    assert "vg2 # " in served.run("cat", "/etc/lkvgs").stdout
    for kind, tag in RESOURCES:
        assert quick_check(served, kind, tag) == []


def test_a_delete_gives_the_renamed_group_back_to_the_boot_and_no_other(served: Guest) -> None:
    served.sh(RENAME + TAKE_THE_NAME)
    served.run("lvmkit", "delete", "/srv/data", "--yes")
    assert (_autoactivation(served, "vg2"), _autoactivation(served, "vg1")) == ("enabled", "")
    assert "vg1" not in served.run("cat", "/etc/lkvgs").stdout


def test_the_host_may_be_renamed_and_a_copied_database_is_refused(served: Guest) -> None:
    served.run("hostname", "other")
    assert served.run("lvmkit", "check", "--all").returncode == 0
    served.run("lvmkit", "out-of-service", "vg1")
    served.run("lvmkit", "in-service", "/srv/data")
    assert json.loads(served.run("lvmkit", "status", "--format", "json").stdout)["server"] == "other"
    served.sh("cp -a /etc/machine-id /root/; umount /etc/machine-id || :; echo 0123456789abcdef0123456789abcdef"
              " > /etc/machine-id")  # fmt: skip
    refused = served.run("lvmkit", "out-of-service", "vg1", check=False)
    assert refused.returncode != 0
    assert "110094" in refused.stderr
    assert served.run("lvmkit", "status", check=False).stdout.count("ISP") > 0
    served.sh("cp -a /root/machine-id /etc/machine-id")
    assert served.run("lvmkit", "check", "--all").returncode == 0


def test_the_boot_goes_on_once_every_entry_is_written_as_doctor_says(served: Guest) -> None:
    served.sh(BOOT_ENTRIES, timeout=60)
    found = json.loads(served.run("lvmkit", "doctor", "--format", "json", check=False, timeout=120).stdout)["findings"]
    said = [finding for finding in found if finding["number"] == "110104"]
    assert len(said) == 7, said
    table = served.run("cat", "/etc/fstab").stdout
    for finding in said:
        entry, better = finding["text"].rpartition("It says: ")[2], finding["advice"].partition(". The kit")[0]
        if "systemctl disable" in better:
            served.run("systemctl", "-q", "disable", "srv-unit.mount")
        else:
            assert entry in table
            table = table.replace(entry, better.partition("in its place: ")[2])
    served.run("tee", "/etc/fstab", stdin=table.encode())
    served.run("sync")
    served.lab.kill(served.node)
    served.lab.start(served.node)
    state = served.run("systemctl", "is-system-running", "--wait", timeout=180, check=False).stdout.strip()
    assert state in ("running", "degraded")
    served.sh("until findmnt -n /srv/data; do sleep 0.2; done", timeout=120)
    assert same_data(served)


@pytest.mark.cluster
def test_new_names_are_applied_on_both_servers_of_a_cluster_without_a_stop(protected: Cluster) -> None:
    one = protected.guest(1)
    before = one.run("findmnt", "-no", "ID", MOUNT).stdout
    one.run("vgrename", "-qq", "--config", 'local/system_id="node1" global/system_id_source="lvmlocal"', VG, "new")
    one.run("lvmkit", "reconfigure", VG, "--yes", timeout=PATIENCE)
    is_up_on(protected, 1)
    assert one.run("findmnt", "-no", "ID", MOUNT).stdout == before
    assert 'name="vg" value="new"' in one.run("cibadmin", "--query", "--scope", "resources").stdout.replace("'", '"')
    for node in (1, 2):
        assert "new # " in protected.guest(node).run("cat", "/etc/lkvgs").stdout
    one.run("lvmkit", "in-service", MOUNT, "--on", "node2", timeout=PATIENCE)
    is_up_on(protected, 2)
    assert protected.guest(2).run("findmnt", "-no", "SOURCE", MOUNT).stdout.strip() == "/dev/mapper/new-db"
    assert GROUP in one.run("crm_mon", "--one-shot", "--inactive", "--output-as=xml").stdout
