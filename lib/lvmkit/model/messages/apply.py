"""Messages about lvmkit apply: 110485-110494."""

from __future__ import annotations

from lvmkit.model.messages import LCDI_ARGUMENT, LCDI_EXISTS, Caution, Message, Note


class FileNotUnderstood(Message, number=110485):
    """The file does not have the form of what 'lvmkit show --output-format json' prints."""

    template = "{path} does not say what is to be protected: {why}."
    action = "'lvmkit show --output-format json' prints such a file, 'lvmkit schema show' describes it."
    lcdi_exit = LCDI_ARGUMENT
    path: str
    why: str


class TagNotGiven(Message, number=110486):
    """Below a root the kit makes the tags itself; the file wants another one for a volume group."""

    template = "The tag {tag} cannot be given to {resource}; it would get {chosen}."
    action = "Write {chosen} into the file, wherever it has {tag}."
    lcdi_exit = LCDI_ARGUMENT
    tag: str
    resource: str
    chosen: str


class NotApplied(Message, number=110487):
    """apply makes file systems and logical volumes, and with them what they stand on; other kits make the rest."""

    template = "{tag}, a {kind}, is not there, and apply cannot make it."
    action = "Let its own kit create it, or take it out of the file."
    lcdi_exit = LCDI_ARGUMENT
    tag: str
    kind: str


class OtherResource(Message, number=110488):
    """What the file describes and what is protected under that tag or ID are two different things."""

    template = "{tag} is not what the file says: its {fact} is {present}, not {wanted}."
    action = "Compare 'lvmkit show {tag}' with the file. apply never turns one resource into another."
    lcdi_exit = LCDI_EXISTS
    tag: str
    fact: str
    present: str
    wanted: str


class CreatedElsewhere(Message, number=110489):
    """A hierarchy is created where its storage is in use, and the file does not have this server for it."""

    template = "{tag} is not there yet, and {server} is not among the servers that the file has for it: {servers}."
    action = "Run apply on one of them, where it is mounted."
    lcdi_exit = LCDI_ARGUMENT
    tag: str
    server: str
    servers: tuple[str, ...]


class ServersTorn(Message, number=110490):
    """All that stands on one volume group runs on the same servers, and the file says otherwise."""

    template = "{tag} and {other} stand on one volume group, and the file has different servers or priorities for them."
    action = "Give both the same servers and priorities in the file."
    lcdi_exit = LCDI_ARGUMENT
    tag: str
    other: str


class PlanChanged(Message, number=110491):
    """Exactly what was shown was to be done, and something else would have to be done by now."""

    template = "What {path} asks for is not what was expected any more ({expected}, now {digest}); nothing is changed."
    action = "Look again with 'lvmkit apply {path}', and apply what it shows."
    lcdi_exit = LCDI_ARGUMENT
    path: str
    expected: str
    digest: str


class LeftProtected(Note, number=110492):
    """The file does not have it, and apply takes nothing away unless it is told to."""

    template = "The file lacks {subjects}; that stays as it is."
    action = "'lvmkit apply' with --delete would end it."
    subjects: tuple[str, ...]


class WouldApply(Caution, number=110493):
    """There is a difference between what is protected and what the file says."""

    template = "{path}: {count} changes. Nothing is changed yet."
    action = "'lvmkit apply {path} --expect {digest}' makes exactly these, '--yes' whatever is to be done by then."
    path: str
    count: int
    digest: str


class NotTakenBack(Caution, number=110494):
    """A change failed, and one that was made before it could not be taken back; it is whole, and stays."""

    template = "What was done before stays: '{step}' could not be taken back: {why}"
    action = "Fix the reported problem. The same file again does what is missing; 'lvmkit status' shows what there is."
    step: str
    why: str
