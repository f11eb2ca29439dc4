"""Which resource a word of the administrator means."""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import ResourceNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.hierarchy import Hierarchy


def tag_of(word: str, hierarchy: Hierarchy) -> str:
    """The tag of the resource with this tag, else with this ID.

    Raises Failure (000019) when there is none, or when the ID is that of several resources.
    """
    if hierarchy.by_tag(word) is not None:
        return word
    found = [instance.tag for instance in hierarchy.instances if instance.id == word]
    if len(found) != 1:
        among = f" (it is the ID of {', '.join(found)})" if found else ""
        raise Failure(ResourceNotFound(f"{word}{among}"))
    return found[0]
