"""Messages about installing and removing the kit as a package, and about the report for support: 110450-110469.

Those about installing are said in the same words by scripts of the packages, before anything of the kit is there.
"""

from __future__ import annotations

from lvmkit.model.messages import LCDI_EXISTS, LCDI_HAS_DEPENDENTS, Caution, Message

_ANYWAY = (
    "To remove the package all the same, 'touch /run/lvmkit-remove-anyway' before; nothing here protects them then."
)


class KitStillNeeded(Message, number=110450):
    """Resources may run on this server, and the kit is what starts, checks and stops them: it was to be removed."""

    template = "{server} still protects {tags}; the kit stays installed."
    action = (
        "End that with 'lvmkit delete TAG', or with 'lvmkit unextend TAG --from {server}' where other servers go on."
        f" {_ANYWAY}"
    )
    lcdi_exit = LCDI_HAS_DEPENDENTS
    server: str
    tags: tuple[str, ...]


class ChangeUnfinished(Message, number=110451):
    """A change was interrupted, and only the kit, which was to be removed, can finish it or take it back."""

    template = "The interrupted '{work}' (journal {journal}) is not finished; the kit stays installed."
    action = f"'lvmkit journal --retry' finishes it or says what keeps it waiting. {_ANYWAY}"
    lcdi_exit = LCDI_HAS_DEPENDENTS
    journal: str
    work: str


class ProtectionUnknown(Message, number=110452):
    """The kit was to be removed, but the engine did not say whether something is protected: unknown is not nothing."""

    template = "Whether {server} still protects something is not known; the kit stays installed."
    action = f"Let the engine answer: 'lvmkit status' shows when it does. {_ANYWAY}"
    server: str


class InstalledByHand(Message, number=110453):
    """The package has a place of its own; with two kits on one server, each would change what the other one records."""

    template = "The kit is installed below /opt/LifeKeeper already, by 'make install'."
    action = (
        "In a cluster, put this server in standby first. Then run 'make uninstall' where you ran 'make install', and"
        " install the package. What is protected stays so."
    )


class NoCoreInstalled(Message, number=110454):
    """The package lvmkit-lifekeeper makes the kit known to LifeKeeper's core, which is not there."""

    template = "LifeKeeper's core is not installed: there is no /opt/LifeKeeper/bin/lcdstatus."
    action = "Install LifeKeeper's core first. Without it the package lvmkit alone is enough."


class ReportNotWritten(Message, number=110460):
    """The report for support could not be written, mostly because the disk is full; what was begun is removed."""

    template = "The report {path} cannot be written: {why}."
    action = "Name a place with room by 'lvmkit report --output FILE'."
    path: str
    why: str


class ReportExists(Message, number=110461):
    """A report never replaces a file."""

    template = "{path} is there already."
    action = "Name another file by 'lvmkit report --output FILE'."
    lcdi_exit = LCDI_EXISTS
    path: str


class ReportIncomplete(Caution, number=110462):
    """Some programs did not answer in time, are not installed, or said too much; all the rest is in the report."""

    template = "The report {path} lacks {parts}, in whole or in part."
    action = "index.txt in it says why. What hangs is mostly what support has to know; send it as it is."
    path: str
    parts: tuple[str, ...]
