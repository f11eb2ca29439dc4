"""A real boot: what it activates although it is listed is down before the cluster would start; what is used is named.

The plain guest has no cluster. In its place stand units with the names of corosync and pacemaker, which note what
device-mapper holds when they start. One boot serves several tests.
"""

from __future__ import annotations

import json

import pytest

from lab.guests.guest import BY_ID, Guest
from lab.guests.lab import Lab, Result
from lab.helpers_service import guest_in, held, numbers, states

pytestmark = pytest.mark.slow

GUARD = "/opt/LifeKeeper/bin/lvmkit-boot-guard"
UNIT = "lvmkit-boot-guard.service"

MADE = f"""
vgcreate -qq my-vg {BY_ID}SHARED1 {BY_ID}SHARED2
lvcreate -qq -L 32M -n plain my-vg
lvcreate -qq --type raid1 -m 1 -L 16M -n copied my-vg
for vg in free:SHARED3 used:SHARED4 prot:PRIVATE1; do
    vgcreate -qq "${{vg%:*}}" {BY_ID}"${{vg#*:}}"
    lvcreate -qq -L 32M -n data "${{vg%:*}}"
    mkfs.ext4 -q "/dev/${{vg%:*}}/data"
    mkdir -p "/srv/${{vg%:*}}"
done
mount /dev/prot/data /srv/prot
lvmkit -q create /srv/prot
vgchange -qq --setautoactivation y prot
printf 'my-vg\\nused\\n' >> /etc/lkvgs
echo '/dev/used/data /srv/used ext4 nofail 0 0' >> /etc/fstab
for name in corosync pacemaker; do
    cat > /etc/systemd/system/$name.service <<EOF
[Unit]
Description=Notes what device-mapper holds
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'dmsetup info -c --noheadings -o name > /run/seen-by-$name'
[Install]
WantedBy=multi-user.target
EOF
    systemctl -q enable $name
done
sync
"""


SHUTDOWN = """
cat > /etc/systemd/system/resource-agents-deps.target <<EOF
[Unit]
Description=As resource-agents has it
EOF
cat > /etc/systemd/system/pacemaker.service <<EOF
[Unit]
Description=Stops slowly
After=resource-agents-deps.target
Wants=resource-agents-deps.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/bin/sleep 3
EOF
systemctl daemon-reload
"""
"""a slow stop in the place of Pacemaker's; the unit's ordering is that of Debian's pacemaker.service"""
STOP_ALL = """
systemctl start blk-availability pacemaker
systemctl stop pacemaker resource-agents-deps.target blk-availability
systemctl show -P InactiveEnterTimestampMonotonic pacemaker
systemctl show -P ActiveExitTimestampMonotonic blk-availability
"""
"""what a shutdown does to these three: when the one had stopped, and when the other began to deactivate everything"""


def _booted(guest: Guest) -> None:
    """The guest after a boot that had something to take down."""
    guest.sh(MADE, timeout=240)
    guest.lab.kill(guest.node)
    guest.lab.start(guest.node)
    guest.run("systemctl", "is-system-running", "--wait", timeout=180, check=False)
    guest.sh("until systemctl show -P ExecMainExitTimestamp lvmkit-check | grep -q .; do sleep 0.2; done", timeout=60)


@pytest.fixture
def booted(pushed_lab: Lab) -> Guest:
    return guest_in(pushed_lab, "booted", _booted)


def _journal(guest: Guest, number: str) -> list[str]:
    """The texts of the guard's messages with this number since the boot."""
    words = ("-b", "-o", "json", "SYSLOG_IDENTIFIER=lvmkit-boot-guard", f"LVMKIT_NUMBER={number}")
    lines = guest.run("journalctl", *words).stdout.splitlines()
    return [json.loads(line)["MESSAGE"] for line in lines]


def _seen(guest: Guest, by: str) -> set[str]:
    return {name for name in guest.run("cat", f"/run/seen-by-{by}").stdout.split() if name != "No"}


def _guard(guest: Guest, *words: str) -> Result:
    return guest.run(GUARD, *words, check=False, timeout=120)


def _doctor(guest: Guest) -> tuple[int, list[tuple[str, str]]]:
    """(exit code, [(number, what about)])."""
    answer = guest.run("lvmkit", "doctor", "--format", "json", check=False, timeout=120)
    found = json.loads(answer.stdout)["findings"]
    return answer.returncode, [(finding["number"], finding["about"]) for finding in found]


def test_what_is_listed_is_down_before_the_cluster_starts_and_what_is_not_stays(booted: Guest) -> None:
    assert any("my-vg" in text for text in _journal(booted, "110180")), "the boot did not activate it"
    for by in ("corosync", "pacemaker"):
        assert _seen(booted, by) == {"free-data", "used-data"}
    assert held(booted, "my-vg") == []
    assert held(booted, "free") == ["free-data"]


def test_who_uses_one_is_named_the_unit_fails_and_the_boot_goes_on(booted: Guest) -> None:
    (text,) = _journal(booted, "110182")
    assert "used" in text
    assert "mount /srv/used" in text
    assert booted.run("systemctl", "show", "-P", "Result", UNIT).stdout.strip() == "exit-code"
    assert booted.run("systemctl", "is-active", "multi-user.target").stdout.strip() == "active"
    assert booted.run("findmnt", "-n", "-o", "SOURCE", "/srv/used").stdout.strip() == "/dev/mapper/used-data"


def test_the_embedded_engine_brings_back_after_the_guard_what_was_in_service(booted: Guest) -> None:
    assert any("prot" in text for text in _journal(booted, "110180"))
    assert {state for state, _ in states(booted, "/srv/prot").values()} == {"ISP"}
    order = booted.run(
        "systemctl", "show", "-P", "InactiveEnterTimestampMonotonic", "-P", "ActiveEnterTimestampMonotonic", UNIT
    ).stdout.split()
    check = booted.run("systemctl", "show", "-P", "ExecMainStartTimestampMonotonic", "lvmkit-check").stdout
    assert max(map(int, order)) <= int(check)


def test_run_again_it_does_nothing(booted: Guest) -> None:
    booted.run("vgchange", "-qq", "-ay", "my-vg")
    up = held(booted, "my-vg")
    again = _guard(booted)
    assert (again.returncode, numbers(again, "INFO")) == (0, ["110184"])
    assert held(booted, "my-vg") == up
    assert "plain" in "".join(up)


def test_where_a_cluster_runs_it_refuses_also_when_forced(booted: Guest) -> None:
    booted.run("vgchange", "-qq", "-ay", "my-vg")
    up = held(booted, "my-vg")
    booted.sh("rm /run/lvmkit/boot-guard; cp /bin/sleep /run/pacemakerd; /run/pacemakerd 1000 > /dev/null 2>&1 &")
    for words in ((), ("--dry-run",)):
        refused = _guard(booted, *words)
        assert (refused.returncode, numbers(refused)) == (1, ["110183"])
    assert held(booted, "my-vg") == up


def test_what_is_in_service_stays_even_without_the_mark_of_this_boot(booted: Guest) -> None:
    booted.sh("rm /run/lvmkit/boot-guard; umount /srv/used; vgchange -qq -ay my-vg")
    shown = _guard(booted, "--dry-run")
    assert (shown.returncode, sorted(numbers(shown, "INFO"))) == (0, ["110181", "110181", "110186"])
    assert held(booted, "my-vg") != []
    done = _guard(booted)
    assert (done.returncode, numbers(done)) == (0, ["110180", "110180"])
    assert (held(booted, "my-vg"), held(booted, "used"), held(booted, "prot")) == ([], [], ["prot-data"])


def test_doctor_finds_what_the_boot_would_do_and_a_guard_that_is_off(booted: Guest) -> None:
    assert _doctor(booted) == (1, [("110188", "prot")])
    booted.run("vgchange", "-qq", "--setautoactivation", "n", "prot")
    assert _doctor(booted) == (0, [])
    booted.sh(f"systemctl -q mask {UNIT}; echo '/dev/prot/data /srv/prot ext4 defaults 0 0' >> /etc/fstab")
    assert _doctor(booted) == (1, [("110104", "prot"), ("110197", UNIT)])


def test_doctor_finds_disks_that_the_devices_file_leaves_out(booted: Guest) -> None:
    booted.sh(
        'echo "devices { use_devicesfile = 1 }" >> /etc/lvm/lvmlocal.conf; lvm lvmdevices -y --adddev "$1"',
        booted.disk("SHARED3"),
    )
    booted.run("vgchange", "-qq", "--setautoactivation", "n", "--devices", booted.disk("PRIVATE1"), "prot")
    assert _doctor(booted) == (1, [("110193", "prot")])
    booted.run("lvm", "lvmdevices", "-y", "--adddev", booted.disk("PRIVATE1"))
    assert _doctor(booted) == (0, [])


def test_storage_outlives_the_cluster_at_shutdown_and_would_not_without_the_drop_in(guest: Guest) -> None:
    guest.sh(SHUTDOWN, timeout=120)
    stopped, deactivates = map(int, guest.sh(STOP_ALL).stdout.split())
    assert stopped <= deactivates
    guest.sh("rm /usr/lib/systemd/system/resource-agents-deps.target.d/lvmkit.conf; systemctl daemon-reload")
    stopped, deactivates = map(int, guest.sh(STOP_ALL).stdout.split())
    assert stopped > deactivates, "this test shows nothing"
