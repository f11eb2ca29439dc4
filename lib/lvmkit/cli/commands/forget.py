"""lvmkit forget: take a volume group that is not protected any more off this server's list."""

from __future__ import annotations

import click

from lvmkit.cli.options import Word, event_format_option, pass_session, quiet_option
from lvmkit.model import names
from lvmkit.model.phrase import Phrase
from lvmkit.view.forget import forgetting_facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session
    from lvmkit.plan import Kit

_VG = Word("vg", Phrase("volume group name"), names.is_vg_name)


@click.command("forget", epilog="Example: lvmkit forget vg1", short_help="Drop what is left of an ended protection.")
@click.argument("groups", metavar="VG...", type=_VG, nargs=-1, required=True)
@event_format_option
@quiet_option
@pass_session
def command(session: Session, groups: tuple[str, ...]) -> int:
    """Take volume groups off this server's /etc/lkvgs, after their protection was ended from another server.

    Where this server could be reached, that has been done. One that is still protected here is refused.
    """

    def job(kit: Kit) -> int:
        from lvmkit.workflow.everywhere import forget

        forgotten = forget(groups, kit)
        session.answer(lambda: forgetting_facts(groups, forgotten), str)
        return 0

    return session.work("forget", groups[0], job)
