"""Which resource a word on the command line means."""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import ResourceNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.hierarchy import Hierarchy


def tag_of(word: str, hierarchy: Hierarchy) -> str:
    """The tag of the resource with this tag, else with this ID.

    Raises Failure (ResourceNotFound, 000019) when there is none, or when several resources have the ID.
    """
    if hierarchy.by_tag(word) is not None:
        return word
    tags = [instance.tag for instance in hierarchy.instances if instance.id == word]
    if len(tags) != 1:
        among = f" (it is the ID of {', '.join(tags)})" if tags else ""
        raise Failure(ResourceNotFound(f"{word}{among}"))
    return tags[0]
