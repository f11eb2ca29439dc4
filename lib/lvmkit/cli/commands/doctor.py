"""lvmkit doctor: what would cause trouble later, on all servers, and what to do. It changes nothing."""

from __future__ import annotations

import click

from lvmkit.cli.layout import columns
from lvmkit.cli.options import event_format_option, pass_session, quiet_option
from lvmkit.model.messages import INFO, WARN, shown
from lvmkit.model.phrase import Phrase
from lvmkit.view.doctor import doctor_facts
from lvmkit.view.language import finding_in_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session
    from lvmkit.peer.answers import Finding
    from lvmkit.plan import Kit
    from lvmkit.workflow.doctor import Diagnosis

_WORDS = {INFO: Phrase("note"), WARN: Phrase("warn")}
_WORST = Phrase("FAIL")


@click.command("doctor", epilog="Example: lvmkit doctor", short_help="Look for what would cause trouble later.")
@click.option("--here", is_flag=True, help="Look at this server only.")
@event_format_option
@quiet_option
@pass_session
def command(session: Session, here: bool) -> int:
    """Look at LVM, the boot, the protected volume groups and the cluster, on every server that is online.

    Nothing is changed: each finding says what to do. Exit 0 when there is nothing worse than a note, else 1. --quiet
    leaves out notes.
    """

    def job(kit: Kit) -> int:
        from lvmkit.workflow.doctor import diagnose

        diagnosis = diagnose(kit, here=here)
        session.answer(lambda: doctor_facts(diagnosis), lambda: _as_text(diagnosis, session.quiet))
        return 0 if diagnosis.is_well else 1

    return session.work("doctor", "", job)


def _as_text(diagnosis: Diagnosis, quiet: bool) -> str:
    """A line for each finding and one for what to do about it; one line where all is well."""
    findings = [finding for finding in diagnosis.findings if not (quiet and finding.is_note)]
    text = ""
    for line, finding in zip(columns(map(_row, findings)).splitlines(), findings):
        text += f"{line}\n"
        advice = finding_in_words(finding)["advice"]
        if advice:
            text += f"  -> {shown(advice)}\n"
    if diagnosis.is_well and not quiet:
        text += columns([(Phrase("ok"), ", ".join(diagnosis.servers))])
    return text


def _row(finding: Finding) -> tuple[str, ...]:
    word = _WORDS.get(finding.level, _WORST)
    return word, finding.server or Phrase("cluster"), finding.about, finding.number, finding_in_words(finding)["text"]
