"""Messages about the boot guard and doctor: 110180-110199."""

from __future__ import annotations

from lvmkit.model.messages import INFO, WARN, Message


class BootDeactivated(Message):
    """The boot activated a protected volume group. Nothing used it yet, so the boot guard deactivated it."""

    number = 110180
    level = WARN
    template = "The boot had activated volume group {vg}; the boot guard deactivated it ({detail})."
    action = "So that this does not happen again: 'vgchange --setautoactivation n {vg}'."
    script_exit = lcdi_exit = ocf_exit = 0
    vg: str
    detail: str


class BootWouldDeactivate(Message):
    """The boot guard only shows what it would do."""

    number = 110181
    level = INFO
    template = "Volume group {vg} is active, with {devices}; the boot guard would deactivate it."
    script_exit = lcdi_exit = ocf_exit = 0
    vg: str
    devices: tuple[str, ...]


class BootActiveStays(Message):
    """The boot activated a protected volume group that cannot be deactivated, usually because something uses it."""

    number = 110182
    template = "The boot had activated volume group {vg}, and it stays active: {why}"
    action = (
        "Before another server brings it in service: stop what uses it (is it mounted by /etc/fstab?), then"
        " 'vgchange -an {vg}'. 'lvmkit doctor' names what activated it."
    )
    vg: str
    why: str


class GuardInCluster(Message):
    """The boot guard acts before the cluster starts; later it could take away what the cluster has started."""

    number = 110183
    template = "The boot guard does nothing: {process} runs already."
    action = "None needed where it was started by hand. At boot, make sure that nothing starts the cluster earlier."
    process: str


class GuardRanAlready(Message):
    """The boot guard acts once in each boot."""

    number = 110184
    level = INFO
    template = "The boot guard has already done its work in this boot."
    script_exit = lcdi_exit = ocf_exit = 0


class SystemGroupListed(Message):
    """The list of protected volume groups names one that this server itself needs."""

    number = 110185
    level = WARN
    template = "Volume group {vg} is listed in {path}, but holds {use} of this server; the boot guard leaves it alone."
    action = "Remove it from the list: it cannot be protected."
    script_exit = lcdi_exit = ocf_exit = 0
    vg: str
    path: str
    use: str


class BroughtUpByKit(Message):
    """The volume group is active because the kit brought it up since the boot, not because the boot did."""

    number = 110186
    level = INFO
    template = "Volume group {vg} was brought in service since the boot; the boot guard leaves it alone."
    script_exit = lcdi_exit = ocf_exit = 0
    vg: str


class BootUnsettled(Message):
    """The system was still looking at disks when the boot guard had waited long enough."""

    number = 110187
    level = WARN
    template = "The boot is still finding disks after {seconds} s: {why} What it activates from now on goes unseen."
    action = "Look for a disk that does not answer (the kernel log). 'lvmkit status' shows what is active."
    script_exit = lcdi_exit = ocf_exit = 0
    seconds: float
    why: str


class AutoactivationOn(Message):
    """The boot and udev may activate a protected volume group, even while another server uses it."""

    number = 110188
    level = WARN
    template = "Autoactivation of volume group {vg} is on."
    action = "On the server that has it in service, run 'vgchange --setautoactivation n {vg}'."
    script_exit = lcdi_exit = ocf_exit = 0
    vg: str


class NotListed(Message):
    """The boot guard knows the protected volume groups from a list, and this one is not on it."""

    number = 110189
    level = WARN
    template = "Volume group {vg} is not listed in {path}."
    action = "Add a line with its name to {path} on this server."
    script_exit = lcdi_exit = ocf_exit = 0
    vg: str
    path: str


class OwnerMissing(Message):
    """A volume group without an owner in LVM's metadata (system ID) can be activated by every host that sees it."""

    number = 110190
    level = WARN
    template = "Volume group {vg} has no owner (LVM system ID): LVM on {servers} leaves it unprotected."
    action = (
        "Take it out of service and bring it in service again: the start writes the owner. One that was protected with"
        " LVMKIT_OWNERSHIP=none gets one when it is deleted and created again without that setting."
    )
    script_exit = lcdi_exit = ocf_exit = 0
    vg: str
    servers: tuple[str, ...]


class SystemIdDiffers(Message):
    """The kit names itself to LVM in every command; an administrator's own commands speak as lvm.conf says."""

    number = 110191
    level = INFO
    template = (
        "LVM's system ID on {server} is {own} (system_id_source: {source}), so a plain 'vgs' or 'lvs' there does not"
        " show volume groups that belong to {server}. The kit does not need that; this would change it: {change}"
    )
    script_exit = lcdi_exit = ocf_exit = 0
    server: str
    own: str
    source: str
    change: str


class SystemIdShared(Message):
    """LVM on this server takes the volume groups of another server for its own, so the owner protects nothing."""

    number = 110192
    level = WARN
    template = "LVM on {server} leaves volume groups of {others} unprotected: {setting} names them."
    action = "Correct that setting in /etc/lvm/lvm.conf or /etc/lvm/lvmlocal.conf on {server}; see lvmsystemid(7)."
    script_exit = lcdi_exit = ocf_exit = 0
    server: str
    others: tuple[str, ...]
    setting: str


class DevicesHidden(Message):
    """Disks of a protected volume group are there, but LVM is told not to look at them."""

    number = 110193
    level = WARN
    template = "LVM on this server does not look at {devices}, which hold volume group {vg}: {setting}."
    action = (
        "Where there is a devices file, run 'lvm lvmdevices --adddev DEVICE' for each. Else correct filter in lvm.conf."
    )
    script_exit = lcdi_exit = ocf_exit = 0
    vg: str
    devices: tuple[str, ...]
    setting: str


class LvmTooOld(Message):
    """This release of LVM lacks what the kit uses: the autoactivation property and --devices."""

    number = 110194
    template = "LVM has version {found}; the kit needs {needed}."
    action = "Upgrade lvm2."
    found: str
    needed: str


class AgentMissing(Message):
    """Pacemaker runs a resource through its agent, and the agent is not where Pacemaker looks for it."""

    number = 110195
    template = "The resource agent {path} is not installed."
    action = (
        "The kit's own agents come with 'make install'; ocf:heartbeat:Filesystem is in the package resource-agents."
    )
    path: str


class GuardNotEnabled(Message):
    """Nothing starts the boot guard, so what the boot activates stays active when the cluster starts."""

    number = 110197
    level = WARN
    template = "{unit} is {state}."
    action = "'systemctl unmask {unit}' or 'systemctl enable {unit}'; where it is not found, install the kit again."
    script_exit = lcdi_exit = ocf_exit = 0
    unit: str
    state: str


class EngineLeftover(Message):
    """Pacemaker is the engine here, but the embedded engine still has resources from before."""

    number = 110198
    level = WARN
    template = "The embedded engine's database {path} still holds {tags}, while Pacemaker is the engine."
    action = (
        "Nothing uses it any more. Move the file away; or set LVMKIT_ENGINE=embedded in /etc/default/LifeKeeper, delete"
        " them, and set it back."
    )
    script_exit = lcdi_exit = ocf_exit = 0
    path: str
    tags: tuple[str, ...]


class ServerNotExamined(Message):
    """A server of the cluster could not be looked at because it is down."""

    number = 110199
    level = INFO
    template = "{server} was not examined because it is {state}."
    script_exit = lcdi_exit = ocf_exit = 0
    server: str
    state: str
