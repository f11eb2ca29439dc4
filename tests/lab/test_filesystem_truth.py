"""Where a file system is mounted and on which device, on a real kernel with LVM, systemd and mount(8)."""

from __future__ import annotations

import pytest

from lab.guests.guest import Guest
from lab.guests.lab import Lab, Result
from lab.helpers_ocf import reason, run_agent
from lab.helpers_service import TAG, VG, action, guest_in, numbers, quick_check, same_data, serve

WWW, WWW_LV, DATA_LV = "/srv/www", f"{TAG}/www", f"{TAG}/data--x"
MAPPED = "my--vg.1+a-www"
OK, FAILED, STOPPED = 0, 1, 7

NODE = """
rm "$1"
mknod "$1" b $(stat -L -c '%Hr %Lr' /dev/mapper/my--vg.1+a-data----x)
"""
AUTOMOUNT = f"""
echo '/dev/{VG}/www {WWW} ext4 noauto,x-systemd.automount 0 2' >> /etc/fstab
systemctl daemon-reload
systemctl start srv-www.automount
findmnt -n -t autofs {WWW}
"""
ADVICE = """
sed -i '/automount/d' /etc/fstab
systemctl daemon-reload
systemctl stop srv-www.automount
"""


@pytest.fixture
def served(pushed_lab: Lab) -> Guest:
    """Everything is in service."""
    return guest_in(pushed_lab, "served", serve)


@pytest.fixture
def unmounted(served: Guest) -> Guest:
    """The same, with one of the file systems out of service; its volume is up."""
    assert action(served, "filesys", "remove", WWW).returncode == 0
    return served


def mounted(guest: Guest, *columns: str) -> list[str]:
    """What the kernel has mounted of the volume, a line for each mount."""
    shown = guest.run("findmnt", "-rn", "-o", ",".join(columns or ("TARGET",)), f"/dev/mapper/{MAPPED}", check=False)
    return shown.stdout.splitlines()


def agent(guest: Guest, verb: str, *prefix: str, options: str = "rw") -> Result:
    """One action of the agent, as Pacemaker calls it."""
    given = {"device": f"/dev/{VG}/www", "directory": WWW, "fstype": "ext4", "options": options}
    for name, field in (("vg_uuid", "vg_uuid"), ("lv_uuid", "lv_uuid")):
        given[name] = guest.run("lvs", "--noheadings", "-o", field, f"{VG}/www").stdout.strip()
    given["uuid"] = guest.run("blkid", "-p", "-o", "value", "-s", "UUID", f"/dev/mapper/{MAPPED}").stdout.strip()
    return run_agent(guest, "filesys", verb, given, *prefix, OCF_RESKEY_CRM_meta_interval="10000")


def restore(guest: Guest) -> list[str]:
    """The errors of a restore; it must fail exactly where there are some."""
    result = action(guest, "filesys", "restore", WWW)
    assert bool(result.returncode) == bool(numbers(result, "ERROR")), result
    return [number for number in numbers(result, "ERROR") if number != "110012"]


def test_a_mount_point_that_became_a_link_is_served_and_goes_out_of_service(served: Guest) -> None:
    served.run("lvmkit", "out-of-service", WWW)
    served.sh(f"mv {WWW} /srv/moved; ln -s moved {WWW}")
    served.run("lvmkit", "in-service", WWW)
    assert mounted(served) == ["/srv/moved"]
    assert quick_check(served, "filesys", WWW) == []
    assert agent(served, "monitor").returncode == OK
    assert same_data(served)
    served.run("lvmkit", "out-of-service", WWW_LV)
    assert MAPPED not in served.run("dmsetup", "ls").stdout


@pytest.mark.parametrize(("where", "stopped"), [(WWW, (OK, "")), ("/srv", (FAILED, "110311"))])
def test_what_is_mounted_over_it_is_seen_and_only_what_is_on_it_goes_with_it(
    served: Guest, where: str, stopped: tuple[int, str]
) -> None:
    served.sh(f"mount -t tmpfs none {where}")
    assert quick_check(served, "filesys", WWW) == ["110311"]
    assert reason(agent(served, "monitor")) == (FAILED, "110311")
    removed = action(served, "filesys", "remove", WWW)
    assert (removed.returncode, "110311" in numbers(removed, "ERROR")) == (1, True)
    assert mounted(served) == [WWW]
    assert reason(agent(served, "stop")) == stopped
    assert mounted(served) == ([] if stopped == (OK, "") else [WWW])


def test_other_places_of_it_are_no_fault_and_go_with_a_stop_of_the_cluster(served: Guest) -> None:
    served.sh(f"mkdir /export /root/sub {WWW}/sub; mount --bind {WWW} /export; mount --bind {WWW}/sub /root/sub")
    assert quick_check(served, "filesys", WWW) == []
    stopped = agent(served, "stop")
    assert (stopped.returncode, stopped.stderr.count("110035")) == (OK, 2), stopped.stderr
    assert mounted(served) == []
    assert agent(served, "monitor").returncode == STOPPED


def test_one_file_system_gets_one_resource(served: Guest) -> None:
    served.sh(f"mkdir /srv/again; mount /dev/{VG}/www /srv/again")
    refused = served.run("lvmkit", "create", "/srv/again", check=False)
    assert (refused.returncode != 0, numbers(refused, "ERROR")[0]) == (True, "110354")


@pytest.mark.slow
def test_an_automount_of_systemd_is_named_and_the_advice_helps(served: Guest) -> None:
    served.run("lvmkit", "out-of-service", WWW)
    served.sh(AUTOMOUNT)
    assert "110104" in served.run("lvmkit", "doctor", check=False, timeout=180).stdout
    refused = served.run("lvmkit", "in-service", WWW, check=False)
    assert refused.returncode != 0
    assert "110312" in refused.stderr
    assert mounted(served) == []
    served.sh(ADVICE)
    served.run("lvmkit", "in-service", WWW)
    assert mounted(served) == [WWW]
    assert same_data(served)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("protect", "allow"),
    [
        (f"lvchange -qq -pr {VG}/www", f"lvchange -qq -prw {VG}/www"),
        (
            f"""printf 'activation {{ read_only_volume_list=[ "{VG}/www" ] }}\\n' >> /etc/lvm/lvmlocal.conf""",
            "sed -i /read_only_volume_list/d /etc/lvm/lvmlocal.conf",
        ),
    ],
    ids=["permission", "read_only_volume_list"],
)
def test_a_write_protected_volume_is_not_mounted_in_silence(served: Guest, protect: str, allow: str) -> None:
    served.run("lvmkit", "out-of-service", WWW_LV)
    served.sh(protect)
    refused = served.run("lvmkit", "in-service", WWW, check=False)
    assert refused.returncode != 0
    assert "110313" in refused.stderr
    assert mounted(served) == []
    assert agent(served, "start", options="ro").returncode == OK
    assert agent(served, "stop", options="ro").returncode == OK
    served.run("lvmkit", "out-of-service", WWW_LV)
    served.sh(allow)
    served.run("lvmkit", "in-service", WWW)
    assert "rw" in mounted(served, "OPTIONS")[0].split(",")


def test_a_volume_that_becomes_write_protected_is_warned_of_while_the_kernel_writes(served: Guest) -> None:
    served.sh(f"lvchange -qq -pr {VG}/www")
    assert quick_check(served, "filesys", WWW) == ["110456"]
    served.sh(f"echo written > {WWW}/more; sync -f {WWW}")


@pytest.mark.parametrize("paths", [[f"/dev/{VG}/www"], [f"/dev/{VG}/www", f"/dev/mapper/{MAPPED}"]])
def test_another_device_in_place_of_the_volume_is_never_mounted(unmounted: Guest, paths: list[str]) -> None:
    for path in paths:
        unmounted.sh(NODE, path)
    assert restore(unmounted) == []
    number = unmounted.run("dmsetup", "info", "-c", "--noheadings", "--separator=:", "-o", "major,minor", MAPPED).stdout
    assert unmounted.run("findmnt", "-n", "-o", "MAJ:MIN", WWW).stdout.strip() == number.strip()
    assert same_data(unmounted)
    assert quick_check(unmounted, "filesys", WWW) == []
    assert action(unmounted, "filesys", "remove", WWW).returncode == 0


def test_nothing_is_mounted_where_the_volume_is_down_and_another_device_has_its_path(unmounted: Guest) -> None:
    assert action(unmounted, "lvmlv", "remove", WWW_LV).returncode == 0
    assert restore(unmounted) == ["110026"]
    unmounted.sh(f"mkdir -p /dev/{VG}; ln -s /dev/{VG}/data--x /dev/{VG}/www")
    assert restore(unmounted) == ["110310"]
    assert unmounted.run("findmnt", "-n", WWW, check=False).stdout == ""


def test_a_volume_that_was_formatted_anew_is_not_mounted(unmounted: Guest) -> None:
    unmounted.sh(f"mkfs.ext4 -q -F /dev/{VG}/www")
    assert restore(unmounted) == ["110314"]
    assert mounted(unmounted) == []


def test_a_start_and_a_stop_run_one_program_and_a_monitor_none(unmounted: Guest) -> None:
    for verb, programs in (("start", 2), ("monitor", 1), ("stop", 2)):
        done = agent(unmounted, verb, "strace", "-f", "-qq", "-o", "/root/trace", "-e", "trace=execve")
        assert done.returncode == OK, done.stderr
        assert unmounted.run("cat", "/root/trace").stdout.count("execve(") == programs, verb
