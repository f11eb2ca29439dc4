"""lvmkit check: is what should be in service there and well?"""

from __future__ import annotations

import click

from lvmkit.cli.console import write
from lvmkit.cli.naming import tag_of
from lvmkit.cli.options import JSON, TAG_OR_ID, format_option, pass_session, quiet_option
from lvmkit.model.instance import IN_SERVICE
from lvmkit.model.messages.command import NotInService
from lvmkit.model.resource_types import is_device
from lvmkit.view.check import OK, Verdict, after_recovery, check_facts, is_well, judge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.cli.session import Session
    from lvmkit.cluster.port import Overview
    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message
    from lvmkit.model.messages.guards import HeldTwice
    from lvmkit.plan import Kit
    from lvmkit.workflow.recover import Finding


@click.command(
    "check", epilog="Example: lvmkit check /data --deep", short_help="Check what is in service against the kernel."
)
@click.argument("words", metavar="[TAG|ID]...", type=TAG_OR_ID, nargs=-1)
@click.option("--deep", is_flag=True, help="Also read from every disk, under a deadline.")
@click.option("--all", "watch", is_flag=True, help="The engine's own round: check everything, report, and recover.")
@format_option
@quiet_option
@pass_session
def command(session: Session, words: tuple[str, ...], deep: bool, watch: bool, form: str) -> int:
    """Check everything that should be in service, or the hierarchies below the given tags, which then should be.

    In a cluster the other servers are asked, too, whether they hold a volume group that is up here or in service
    elsewhere; not with --all. Nothing is changed, except with --all. Exit 0 when all is well, 1 when there is a fault.
    --quiet leaves out what is well.
    """
    if watch and (words or deep):
        raise click.UsageError("--all takes neither tags nor --deep.")

    def job(kit: Kit) -> int:
        verdicts = _watched(kit) if watch else _checked(words, deep, kit)
        write(_as_json(verdicts, deep, kit) if form == JSON else _as_text(verdicts, session.quiet))
        return 0 if is_well(verdicts) else 1

    return session.work("check", " ".join(words), job)


def _checked(words: tuple[str, ...], deep: bool, kit: Kit) -> list[Verdict]:
    """The shallow check, with the deep one where it is wanted."""
    from lvmkit.workflow import status

    seen = kit.port.overview()
    now = seen.of(seen.local)
    below = {tag for word in words for tag in now.below(tag_of(word, now))}
    tags = now.restore_order(below) if words else status.in_service(now, kit)
    found: dict[str, list[Message]] = {tag: [] for tag, _ in _instances(tags, now)}
    for tag, instance in _instances(tags, now) if words else ():
        found[tag] += [NotInService(tag, instance.state)] if _is_down(instance) else []
    for finding in (*status.examine(tags, now, kit), *(_deep(tags, now, kit) if deep else ())):
        found[finding.tag] += [message for message in finding.messages if message not in found[finding.tag]]
    for tag, message in _held_twice(below if words else None, seen, kit).items():
        found.setdefault(tag, []).append(message)
    return [_verdict(tag, now, tuple(messages)) for tag, messages in found.items()]


def _held_twice(tags: Iterable[str] | None, seen: Overview, kit: Kit) -> dict[str, HeldTwice]:
    if not kit.port.is_shared:
        return {}
    from lvmkit.workflow.two_holders import held_twice

    return held_twice(seen, kit, tags)


def _deep(tags: Iterable[str], now: Hierarchy, kit: Kit) -> tuple[Finding, ...]:
    from lvmkit.workflow.deep_check import deep_check

    return deep_check(tags, now, kit)


def _watched(kit: Kit) -> list[Verdict]:
    """The engine's round: what it found, and how everything that should be in service stands after it.

    In a cluster the round only looks, so what it finds broken has not recovered by it.
    """
    from lvmkit.workflow import recover, status

    wanted = status.in_service(kit.port.hierarchy(), kit)
    found = {finding.tag: finding.messages for finding in recover.watch(kit)}
    now = kit.port.hierarchy()
    tags = now.restore_order({*wanted, *found})
    can_recover = not kit.port.is_shared
    return [after_recovery(_verdict(tag, now, found.get(tag, ())), can_recover=can_recover) for tag in tags]


def _verdict(tag: str, now: Hierarchy, messages: tuple[Message, ...]) -> Verdict:
    instance = now.by_tag(tag)
    return judge(tag, instance.state if instance else "", messages)


def _instances(tags: Iterable[str], now: Hierarchy) -> list[tuple[str, Instance]]:
    return [(tag, instance) for tag in tags for instance in [now.by_tag(tag)] if instance is not None]


def _is_down(instance: Instance) -> bool:
    """A disk has no state of its own that would say anything."""
    return not is_device(instance.type) and instance.state not in IN_SERVICE


def _as_text(verdicts: list[Verdict], quiet: bool) -> str:
    from lvmkit.cli.layout import columns

    rows: list[tuple[str, ...]] = []
    for verdict in verdicts:
        if verdict.messages:
            rows += [(verdict.word, verdict.tag, f"{m.number:06d}", m.text) for m in verdict.messages]
        elif verdict.word != OK or not quiet:
            rows.append((verdict.word, verdict.tag, "", verdict.state))
    return columns(rows)


def _as_json(verdicts: list[Verdict], deep: bool, kit: Kit) -> str:
    from lvmkit.view.document import document

    return document(check_facts(verdicts, kit.port.local_server(), deep=deep))
