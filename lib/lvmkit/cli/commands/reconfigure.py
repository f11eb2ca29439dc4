"""lvmkit reconfigure, also called adddelpv: make a hierarchy follow its volume group."""

from __future__ import annotations

import click

from lvmkit.cli.layout import columns
from lvmkit.cli.naming import tag_of
from lvmkit.cli.options import DIGEST, TAG_OR_ID, event_format_option, pass_session, quiet_option
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import HierarchyDiffers, InvalidName, NothingToDo
from lvmkit.model.phrase import Phrase
from lvmkit.view.reconfigure import difference_facts

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
@click.option(
    "--expect", "digest", type=DIGEST, metavar="DIGEST",
    help="Apply the difference where it is still the one that was shown with this digest.",
)  # fmt: skip
@click.option("--here", is_flag=True, help="On this server only; else the others of a cluster follow too.")
@event_format_option
@quiet_option
@pass_session
def command(session: Session, word: str, lists: tuple[str, ...], yes: bool, digest: str | None, here: bool) -> int:
    """Show how a volume group differs from its hierarchy: disks and volumes that came or went, names that changed.

    With --yes the hierarchy follows. ADDLIST and DELLIST, separated by commas, name the disks to be followed instead
    of all; an empty list is '' or '-'. With --expect, another server that sees another group than this one is a
    reason to change nothing.
    """
    if len(lists) not in (0, 2):
        raise click.UsageError(Phrase("Either both lists or none."))
    if lists and digest:
        raise click.UsageError(Phrase("--expect is for the whole difference, without lists."))
    only = (_devices(lists[0]), _devices(lists[1])) if lists else None

    def job(kit: Kit) -> int:
        from lvmkit.workflow.reconfigure import difference, reconfigure
        from lvmkit.workflow.subject import refuse_elsewhere

        hierarchy = kit.port.hierarchy()
        refuse_elsewhere(word, hierarchy, kit.port)
        tag = tag_of(word, hierarchy)
        is_applied = yes or bool(digest) or only is not None
        change = reconfigure(tag, kit, only, here=here, expected=digest or "") if is_applied else difference(tag, kit)
        session.answer(lambda: difference_facts(change, is_applied=is_applied), lambda: _as_text(change))
        if change.is_empty:
            kit.tell(NothingToDo(tag))
        elif not is_applied:
            kit.tell(HierarchyDiffers(tag, change.vg, _counted(change), change.digest))
        return 0

    return session.work("reconfigure", word, job)


def _devices(words: str) -> tuple[str, ...]:
    """The devices of a list. Raises Failure (InvalidName, 110100) for one that can be no path, UUID or tag."""
    if words in _NONE:
        return ()
    given = tuple(word.strip() for word in words.split(","))
    for word in given:
        if not word or word.startswith("-") or not word.isprintable():
            raise Failure(InvalidName(word or "''", Phrase("device")))
    return given


def _counted(change: Difference) -> tuple[str, ...]:
    """What is different, in words."""
    counts = (
        Phrase("{number} disks to add", number=len(change.added)),
        Phrase("{number} disks to remove", number=len(change.removed)),
        Phrase("{number} volumes gone", number=len(change.gone_volumes)),
        Phrase("{number} old names", number=len(change.renamed)),
        Phrase("{number} devices on another kit's storage", number=len(change.carried)),
    )
    words = [count for count in counts if count.facts["number"]]
    if change.unlisted:
        words.append(Phrase("not named in /etc/lkvgs"))
    if change.unwatched:
        words.append(Phrase("the checks expect something else"))
    return tuple(words)


def _as_text(change: Difference) -> str:
    rows: list[tuple[str, ...]] = []
    for pv in change.added:
        rows.append(("+", Phrase("disk"), pv.device, pv.pv_uuid))
    for pv in change.removed:
        rows.append(("-", Phrase("disk"), pv.device, pv.tag))
    for lv in change.gone_volumes:
        rows.append(("-", Phrase("volume"), f"{change.vg}/{lv.name}", lv.tag))
    for name in change.renamed:
        what, new = (Phrase("name"), name.new) if name.old != name.new else (Phrase("volume"), name.tag)
        rows.append(("~", what, name.old, new))
    for device in change.carried:
        rows.append(("+", Phrase("link"), device.tag, device.carrier))
    if change.unlisted:
        rows.append(("+", Phrase("list"), "/etc/lkvgs", change.vg))
    if change.unwatched:
        rows.append(("~", Phrase("record"), change.tag, Phrase("what the checks expect")))
    for lv in change.new_volumes:
        rows.append((" ", Phrase("volume"), f"{change.vg}/{lv.name}", Phrase("not protected")))
    return columns(rows)
