"""What is ours in a CIB, looked up once for a change."""

from __future__ import annotations

from lvmkit.cluster.pacemaker import cib, location, order, primitive, template

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


class Index:
    """Our elements by what they stand for; whoever changes the CIB keeps it true."""

    def __init__(self, root: Element) -> None:
        self.root = root
        self.servers = cib.servers(root)
        self.primitives = primitive.own(root)
        self.devices = template.devices(root)
        self.places = location.places(root)
        self.links = dict.fromkeys(order.links(root, self.primitives))
        self.owners = cib.owners(root)
