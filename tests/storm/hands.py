"""What an administrator does by hand in a guest, as shell scripts, and how to put all of it back."""

from __future__ import annotations

from storm.actions import MOUNT, NODES, OTHER, RENAMED, VG

UNAME = "global/system_id_source=uname"
AS_OWNER = f"--config {UNAME}"
OVERRIDE = f"""--config '{UNAME} local/extra_system_ids=["{NODES[0]}","{NODES[1]}"]'"""
"""LVM then takes the groups of the other server for this one's own, too: a refusal overridden on purpose"""
LOGICAL = {MOUNT: "db", OTHER: "www"}
SNAPSHOT, SCRATCH = "snap", "scratch"
PREPARE = f"""
vgcreate -qq {VG} /dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_SHARED1 /dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_SHARED2
for name in db www; do
    lvcreate -qq --type striped --stripes 2 -L 64M -n $name {VG}
    mkfs.ext4 -q /dev/{VG}/$name
    mkdir -p /srv/$name
    mount /dev/{VG}/$name /srv/$name
done
"""
NAMED = r"""sed -i 's/^\(\s*\)# system_id_source = .*/\1system_id_source = "uname"/' /etc/lvm/lvm.conf; lvm systemid"""
"""what `lvmkit doctor` advises: the host's name is its system ID"""

_NAME = f"vg={VG}; vgs -qq --foreign {RENAMED} >/dev/null 2>&1 && vg={RENAMED}"
_MOUNTS = f"for it in {MOUNT}:db {OTHER}:www; do mkdir -p ${{it%:*}}; mount /dev/$vg/${{it#*:}} ${{it%:*}} || :; done"
_RESOURCE = "lvmkit-my-vg.1"
LAID_DOWN = f"""
umount {MOUNT} {OTHER} || :
for vg in {VG} {RENAMED}; do vgchange -an $vg {OVERRIDE} || :; done
dmsetup ls | grep -E '^(my--vg|other--vg)' || :
"""
"""nothing of the group is up on this server afterwards, if nobody uses it"""

_SCRIPTS = {
    "override": f"{_NAME}; vgchange -ay $vg {OVERRIDE}",
    "deactivate": LAID_DOWN,
    "snapshot": f"{_NAME}; lvcreate -y -s -L 16M -n {SNAPSHOT} $vg/db {AS_OWNER}",
    "scratch": f"{_NAME}; lvcreate -y -L 16M -n {SCRATCH} $vg {AS_OWNER}",
    "remove-extra": f"{_NAME}; lvremove -y $vg/{SNAPSHOT} {AS_OWNER} || :; lvremove -y $vg/{SCRATCH} {AS_OWNER}",
    "rename": f"vgrename {VG} {RENAMED} {AS_OWNER}",
    "rename-back": f"vgrename {RENAMED} {VG} {AS_OWNER}",
    "maintenance-off": (
        "crm_attribute --name maintenance-mode --delete;"
        + "".join(f"crm_attribute --node {node} --name maintenance --delete;" for node in NODES)
        + f"crm_resource --resource {_RESOURCE} --meta --delete-parameter is-managed || :"
    ),
    "fencing-off": "crm_attribute --name stonith-enabled --update false",
    "fencing-on": "crm_attribute --name stonith-enabled --update true",
    "start-pacemaker": "systemctl start corosync pacemaker",
}


def script(kind: str, node: int, words: tuple[str, ...], *, elsewhere: bool) -> str:
    """Return the shell script of an action by hand. elsewhere: another server holds the group: mount nothing."""
    name = NODES[node - 1]
    if kind == "activate":
        config = AS_OWNER if words[0] == "as-owner" else ""
        return f"{_NAME}; vgchange -ay $vg {config}" + ("" if elsewhere or words[1] != "mount" else f"; {_MOUNTS}")
    if kind == "unmount":
        return f"umount {words[0]}"
    if kind in ("standby", "unstandby"):
        return f"crm_attribute --node {name} --name standby --update {'on' if kind == 'standby' else 'off'}"
    if kind == "stop-pacemaker":
        return f"systemctl stop {' '.join(words)}"
    if kind == "maintenance-on":
        return _maintenance(words[0])
    return _SCRIPTS[kind]


def _maintenance(what: str) -> str:
    if what == "cluster":
        return "crm_attribute --name maintenance-mode --update true"
    if what == "resource":
        return f"crm_resource --resource {_RESOURCE} --meta --set-parameter is-managed --parameter-value false"
    return f"crm_attribute --node {what} --name maintenance --update true"


RESTORED = ";".join(
    (
        *(f"crm_attribute --node {node} --name standby --delete || :" for node in NODES),
        _SCRIPTS["maintenance-off"],
        _SCRIPTS["fencing-on"],
    )
)
"""the cluster's switches as they were"""
