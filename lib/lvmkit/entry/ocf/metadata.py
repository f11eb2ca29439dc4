"""The metadata of an agent as XML (OCF resource agent API 1.1; valid by ra-api-1.dtd of the resource-agents package).

Written by a few lines of our own: what xml.etree takes to import is a third of the whole call.
"""

from __future__ import annotations

from lvmkit import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.ocf.description import Agent, Operation, Parameter

_API = "1.1"
_HEAD = '<?xml version="1.0"?>\n<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">\n'
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"})


def metadata(agent: Agent) -> str:
    """The whole document, with its line end."""
    content = (
        _text("version", _API),
        *_described(agent),
        _element("parameters", {}, *map(_parameter, agent.parameters)),
        _element("actions", {}, *map(_action, agent.operations)),
    )
    return _HEAD + _element("resource-agent", {"name": agent.name, "version": VERSION}, *content) + "\n"


def _parameter(parameter: Parameter) -> str:
    marks = {"name": parameter.name, "unique": str(int(parameter.unique)), "required": str(int(parameter.required))}
    content = {"type": "string"}
    if parameter.default:
        content["default"] = parameter.default
    return _element("parameter", marks, *_described(parameter), _element("content", content))


def _action(operation: Operation) -> str:
    marks = {"name": operation.name, "timeout": f"{operation.timeout}s"}
    if operation.interval:
        marks.update(interval=f"{operation.interval}s", depth=operation.depth)
    return _element("action", marks)


def _described(what: Agent | Parameter) -> tuple[str, str]:
    return _text("longdesc", what.long, lang="en"), _text("shortdesc", what.short, lang="en")


def _element(name: str, marks: dict[str, str], *content: str) -> str:
    """An element of elements."""
    start = name + "".join(f' {key}="{value.translate(_ESCAPES)}"' for key, value in marks.items())
    return "\n".join((f"<{start}>", *content, f"</{name}>")) if content else f"<{start}/>"


def _text(name: str, text: str, **marks: str) -> str:
    """An element of text."""
    start = name + "".join(f' {key}="{value.translate(_ESCAPES)}"' for key, value in marks.items())
    return f"<{start}>{text.translate(_ESCAPES)}</{name}>"
