"""lvmkit reconfigure, also called adddelpv: make a hierarchy follow its volume group."""

from __future__ import annotations

import click

from lvmkit.cli.console import write
from lvmkit.cli.naming import tag_of
from lvmkit.cli.options import JSON, TAG_OR_ID, format_option, pass_session, quiet_option
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import Difference as Differs
from lvmkit.model.messages.command import InvalidName, NothingToDo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.cli.session import Session
    from lvmkit.plan import Kit
    from lvmkit.workflow.reconfigure import Difference

_NONE = ("", "-")


@click.command(
    "reconfigure",
    epilog="Example: lvmkit reconfigure vg1 --yes",
    short_help="Make a hierarchy follow its volume group.",
)
@click.argument("word", metavar="TAG|ID", type=TAG_OR_ID)
@click.argument("lists", metavar="[ADDLIST DELLIST]", nargs=-1)
@click.option("-y", "--yes", is_flag=True, help="Apply the whole difference.")
@click.option("--here", is_flag=True, help="On this server only; else the others of a cluster follow too.")
@format_option
@quiet_option
@pass_session
def command(session: Session, word: str, lists: tuple[str, ...], yes: bool, here: bool, form: str) -> int:
    """Show how a volume group differs from its hierarchy: disks and volumes that came or went.

    With --yes the hierarchy follows. ADDLIST and DELLIST, separated by commas, name the disks to be followed instead
    of all; an empty list is '' or '-'.
    """
    if len(lists) not in (0, 2):
        raise click.UsageError("Either both lists or none.")
    only = (_devices(lists[0]), _devices(lists[1])) if lists else None

    def job(kit: Kit) -> int:
        from lvmkit.workflow.reconfigure import difference, reconfigure

        tag = tag_of(word, kit.port.hierarchy())
        is_applied = yes or only is not None
        found = reconfigure(tag, kit, only, here=here) if is_applied else difference(tag, kit)
        write(_as_json(found, is_applied) if form == JSON else _as_text(found))
        if found.is_empty:
            kit.tell(NothingToDo(tag))
        elif not is_applied:
            kit.tell(Differs(tag, found.vg, _counted(found)))
        return 0

    return session.work("reconfigure", word, job)


def _devices(words: str) -> tuple[str, ...]:
    """The devices of a list. Raises Failure (110100) for one that cannot be a path, a UUID or a tag."""
    if words in _NONE:
        return ()
    given = tuple(word.strip() for word in words.split(","))
    for word in given:
        if not word or word.startswith("-") or not word.isprintable():
            raise Failure(InvalidName(word or "''", "device"))
    return given


def _counted(found: Difference) -> tuple[str, ...]:
    counts = (
        (len(found.added), "disks to add"),
        (len(found.removed), "disks to remove"),
        (len(found.gone_volumes), "volumes gone"),
    )
    notes = ((found.unlisted, "not named in /etc/lkvgs"), (found.unwatched, "the checks expect something else"))
    return (*(f"{n} {what}" for n, what in counts if n), *(note for is_so, note in notes if is_so))


def _as_text(found: Difference) -> str:
    from lvmkit.cli.layout import columns

    rows = [("+", "disk", pv.device, pv.pv_uuid) for pv in found.added]
    rows += [("-", "disk", pv.device, pv.tag) for pv in found.removed]
    rows += [("-", "volume", f"{found.vg}/{lv.name}", lv.tag) for lv in found.gone_volumes]
    rows += [("+", "list", "/etc/lkvgs", found.vg)] if found.unlisted else []
    rows += [("~", "record", found.tag, "what the checks expect")] if found.unwatched else []
    rows += [(" ", "volume", f"{found.vg}/{lv.name}", "not protected") for lv in found.new_volumes]
    return columns(rows)


def _as_json(found: Difference, is_applied: bool) -> str:
    from lvmkit.view.document import document
    from lvmkit.view.reconfigure import difference_facts

    return document(difference_facts(found, is_applied=is_applied))
