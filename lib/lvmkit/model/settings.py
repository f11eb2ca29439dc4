"""Where things are and the tunables, as values; reading them from disk is storage/conffile.py."""

from __future__ import annotations

from lvmkit.model.value import Value

COMPLETE, DEGRADED = "complete", "degraded"
MISSING_PV_POLICIES = (COMPLETE, DEGRADED)


AUTO, EMBEDDED, PACEMAKER, LIFEKEEPER = "auto", "embedded", "pacemaker", "lifekeeper"
ENGINES = (AUTO, EMBEDDED, PACEMAKER, LIFEKEEPER)
SYSTEM_ID, NO_OWNER = "system_id", "none"
OWNERSHIPS = (SYSTEM_ID, NO_OWNER)
SCSI, NO_RESERVATION = "scsi", "none"
RESERVATIONS = (NO_RESERVATION, SCSI)
YES, NO = "yes", "no"
WATCHES = (AUTO, YES, NO)


class Paths(Value):
    """Every path that the kit reads or writes; tests give their own."""

    lkroot: str = "/opt/LifeKeeper"
    state: str = "/var/lib/lvmkit"
    """survives a reboot: database, journal, admin lock"""
    run: str = "/run/lvmkit"
    """ends with the boot: records of what was brought up, per-resource locks"""
    lkvgs: str = "/etc/lkvgs"
    defaults: str = "/etc/default/LifeKeeper"
    """LifeKeeper's own settings, where its core is installed; the kit reads them too"""
    own_defaults: str = "/etc/default/lvmkit"
    """the kit's, which go before those"""
    fstab: str = "/etc/fstab"
    crypttab: str = "/etc/crypttab"
    cib: str = "/var/lib/pacemaker/cib/cib.xml"
    """Pacemaker's copy of the cluster's configuration: where it exists this machine is a server of a cluster"""
    core: str = ""
    """LKROOT of LifeKeeper's core, where that is the engine: the kits that it runs are there; '' elsewhere"""

    @property
    def kits(self) -> str:
        """The LKROOT that kits' scripts are below."""
        return self.core or self.lkroot

    @property
    def watch(self) -> str:
        """What the watcher has seen; it holds a lock beside it for as long as it runs."""
        return f"{self.run}/watch.json"

    @property
    def watch_lock(self) -> str:
        """That lock."""
        return f"{self.run}/watch.lock"

    @property
    def database(self) -> str:
        """The embedded engine's SQLite file."""
        return f"{self.state}/engine.sqlite"


class Settings(Value):
    """Tunables of /etc/default/lvmkit, under LifeKeeper's own names where it has them. Times in seconds."""

    check_interval: int = 120
    """LKCHECKINTERVAL"""
    missing_pv: str = COMPLETE
    """LVMKIT_MISSING_PV: complete or degraded"""
    command_deadline: float = 60.0
    """LVMKIT_COMMAND_DEADLINE: one LVM or system command"""
    action_deadline: float = 300.0
    """LVMKIT_ACTION_DEADLINE: one action script run by the embedded engine"""
    probe_deadline: float = 5.0
    """LVMKIT_PROBE_DEADLINE: one direct read, where somebody waits for a start or a stop"""
    peer_patience: float = 20.0
    """LVMKIT_PEER_PATIENCE: until another server has said whether it holds a volume group"""
    busy_patience: float = 5.0
    """LVMKIT_BUSY_PATIENCE: how long a volume may stay open before remove gives up"""
    lock_patience: float = 30.0
    """LVMKIT_LOCK_PATIENCE: how long to wait for another run of the kit"""
    umount_retries: int = 1
    """FS_UMOUNT_RETRIES: SIGTERM rounds before SIGKILL"""
    kernel_retries: int = 3
    """LVMKIT_KILL_RETRIES: SIGKILL rounds before a busy file system is reported"""
    engine: str = AUTO
    """LVMKIT_ENGINE: auto (LifeKeeper where its core is, Pacemaker on a server of a cluster, else embedded), or one"""
    lkroot: str = "/opt/LifeKeeper"
    """LKROOT: where LifeKeeper's core is"""
    core_fences: str = NO
    """LVMKIT_CORE_FENCES: yes where LifeKeeper fences a server before it starts anything elsewhere"""
    ownership: str = SYSTEM_ID
    """LVMKIT_OWNERSHIP: what create gives volume groups in a cluster: system_id (LVM's own owner) or none"""
    ssh: str = "/usr/bin/ssh"
    """LVMKIT_SSH: the program that runs the kit on another server, called as ssh(1) is"""
    recoveries: int = 2
    """LVMKIT_RECOVERIES: local recoveries of one resource within an hour; the primitives of Pacemaker have the same
    migration-threshold and failure-timeout"""
    deep_deadline: float = 48.0
    """LVMKIT_DEEP_DEADLINE: a deep check's question to a disk or a file system. A controller of an array may need most
    of a minute to hand over to the other one, and each server waits for the same"""
    watch: str = AUTO
    """LVMKIT_WATCH: whether the watcher is at work: auto (where the engine does not watch by itself), yes or no"""
    watch_interval: int = 10
    """LVMKIT_WATCH_INTERVAL: between two looks of the watcher where the kernel has no news"""
    alert_agent: str = ""
    """LVMKIT_ALERT_AGENT: the program that the embedded engine runs as Pacemaker runs alert agents; '': none"""
    alert_recipient: str = ""
    """LVMKIT_ALERT_RECIPIENT: what it gets as CRM_alert_recipient"""
    metrics: str = ""
    """LVMKIT_METRICS: the folder for metrics that node_exporter's textfile collector reads; '': none"""
    remote_timeout: int = 900
    """REMOTETIMEOUT: a program that another server is to run (lcdremexec)"""
    reservation: str = NO_RESERVATION
    """LVMKIT_RESERVATION: whether create has volume groups guarded by persistent reservations: none or scsi"""
