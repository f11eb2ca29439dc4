"""Messages about the boot guard and doctor: 110180-110199."""

from __future__ import annotations

from lvmkit.model.messages import Caution, Message, Note


class BootDeactivated(Caution, number=110180):
    """The boot activated a protected volume group. Nothing used it yet, so the boot guard deactivated it."""

    template = "The boot had activated volume group {vg}; the boot guard deactivated it ({detail})."
    action = "So that this does not happen again: 'vgchange --setautoactivation n {vg}'."
    vg: str
    detail: str


class BootWouldDeactivate(Note, number=110181):
    """The boot guard only shows what it would do."""

    template = "Volume group {vg} is active, with {devices}; the boot guard would deactivate it."
    vg: str
    devices: tuple[str, ...]


class BootActiveStays(Message, number=110182):
    """The boot activated a protected volume group that cannot be deactivated, usually because something uses it."""

    template = "The boot had activated volume group {vg}, and it stays active: {why}"
    action = (
        "Before another server brings it in service: stop what uses it (is it mounted by /etc/fstab?), then"
        " 'vgchange -an {vg}'. 'lvmkit doctor' names what activated it."
    )
    vg: str
    why: str


class GuardInCluster(Message, number=110183):
    """The boot guard acts before the cluster starts; later it could take away what the cluster has started."""

    template = "The boot guard does nothing: {process} runs already."
    action = "None needed where it was started by hand. At boot, make sure that nothing starts the cluster earlier."
    process: str


class GuardRanAlready(Note, number=110184):
    """The boot guard acts once in each boot."""

    template = "The boot guard has already done its work in this boot."


class SystemGroupListed(Caution, number=110185):
    """The list of protected volume groups names one that this server itself needs."""

    template = "Volume group {vg} is listed in {path}, but holds {use} of this server; the boot guard leaves it alone."
    action = "Remove it from the list: it cannot be protected."
    vg: str
    path: str
    use: str


class BroughtUpByKit(Note, number=110186):
    """The volume group is active because the kit brought it up since the boot, not because the boot did."""

    template = "Volume group {vg} was brought in service since the boot; the boot guard leaves it alone."
    vg: str


class BootUnsettled(Caution, number=110187):
    """The system was still looking at disks when the boot guard had waited long enough."""

    template = "The boot is still finding disks after {seconds} s: {why} What it activates from now on goes unseen."
    action = "Look for a disk that does not answer (the kernel log). 'lvmkit status' shows what is active."
    seconds: float
    why: str


class AutoactivationOn(Caution, number=110188):
    """The boot and udev may activate a protected volume group, even while another server uses it."""

    template = "Autoactivation of volume group {vg} is on."
    action = "On the server that has it in service, run 'vgchange --setautoactivation n {vg}'."
    vg: str


class NotListed(Caution, number=110189):
    """The boot guard knows the protected volume groups from a list, and this one is not on it."""

    template = "Volume group {vg} is not listed in {path}."
    action = "Add a line with its name to {path} on this server."
    vg: str
    path: str


class OwnerMissing(Caution, number=110190):
    """A volume group without an owner in LVM's metadata (system ID) can be activated by every host that sees it."""

    template = "Volume group {vg} has no owner (LVM system ID): LVM on {servers} leaves it unprotected."
    action = (
        "Take it out of service and bring it in service again: the start writes the owner. One that was protected with"
        " LVMKIT_OWNERSHIP=none gets one when it is deleted and created again without that setting."
    )
    vg: str
    servers: tuple[str, ...]


class SystemIdDiffers(Note, number=110191):
    """The kit names itself to LVM in every command; an administrator's own commands speak as lvm.conf says."""

    template = (
        "LVM's system ID on {server} is {own} (system_id_source: {source}), so a plain 'vgs' or 'lvs' there does not"
        " show volume groups that belong to {server}. The kit does not need that; this would change it: {change}"
    )
    server: str
    own: str
    source: str
    change: str


class SystemIdShared(Caution, number=110192):
    """LVM on this server takes the volume groups of another server for its own, so the owner protects nothing."""

    template = "LVM on {server} leaves volume groups of {others} unprotected: {setting} names them."
    action = "Correct that setting in /etc/lvm/lvm.conf or /etc/lvm/lvmlocal.conf on {server}; see lvmsystemid(7)."
    server: str
    others: tuple[str, ...]
    setting: str


class DevicesHidden(Caution, number=110193):
    """Disks of a protected volume group are there, but LVM is told not to look at them."""

    template = "LVM on this server does not look at {devices}, which hold volume group {vg}: {setting}."
    action = (
        "Where there is a devices file, run 'lvm lvmdevices --adddev DEVICE' for each. Else correct filter in lvm.conf."
    )
    vg: str
    devices: tuple[str, ...]
    setting: str


class LvmTooOld(Message, number=110194):
    """This release of LVM lacks what the kit uses: the autoactivation property and --devices."""

    template = "LVM has version {found}; the kit needs {needed}."
    action = "Upgrade lvm2."
    found: str
    needed: str


class AgentMissing(Message, number=110195):
    """Pacemaker runs a resource through its agent, and the agent is not where Pacemaker looks for it."""

    template = "The resource agent {path} is not installed."
    action = "Install the kit again for its own agents; ocf:heartbeat:Filesystem is in the package resource-agents."
    path: str


class GuardNotEnabled(Caution, number=110197):
    """Nothing starts the boot guard, so what the boot activates stays active when the cluster starts."""

    template = "{unit} is {state}."
    action = "'systemctl unmask {unit}' or 'systemctl enable {unit}'; where it is not found, install the kit again."
    unit: str
    state: str


class EngineLeftover(Caution, number=110198):
    """Pacemaker is the engine here, but the embedded engine still has resources from before."""

    template = "The embedded engine's database {path} still holds {tags}, while Pacemaker is the engine."
    action = (
        "Nothing uses it any more. Move the file away; or set LVMKIT_ENGINE=embedded in /etc/default/lvmkit, delete"
        " them, and set it back."
    )
    path: str
    tags: tuple[str, ...]


class ServerNotExamined(Note, number=110199):
    """A server of the cluster could not be looked at because it is down."""

    template = "{server} was not examined because it is {state}."
    server: str
    state: str
