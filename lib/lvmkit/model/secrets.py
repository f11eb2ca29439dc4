"""What a bundle for support must not hold: passwords, keys and tokens, wherever a text has them.

A value is taken out by the name that it has. What a fencing device or a resource is configured with in Pacemaker's CIB
goes the other way round: only what is known to be harmless stays, since each agent has names of its own.
"""

from __future__ import annotations

import re

HIDDEN = "(left out)"

_START = r"(?<![\w.-])(?!token(?:_\w+)?\s*:\s*\d+\s|secauth\b)"
"""of a name; corosync.conf has a token that is a time, and secauth, which is on or off"""
_NAME = r"[\w.-]*(?:pass(?:w|phrase|code)|pwd|secret|token|credential|community|auth|api_?key|private_?key)[\w.-]*"
_ASSIGNMENT = re.compile(rf"""(?i){_START}({_NAME}["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&<>"']+)""")
_LONG_OPTION = re.compile(rf"(?i)(\s--{_NAME}\s+)([^\s-]\S*)")
_IN_URL = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]+:)[^\s/@]+(?=@)")
_PRIVATE_KEY = re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_STONITH = re.compile(r'<(primitive|template)\b[^>]*\bclass="stonith"[^>]*>.*?</\1>', re.DOTALL)
_PAIR = re.compile(r"<nvpair\b[^>]*>")
_ATTRIBUTE = re.compile(r"""\b(name|value)=("[^"]*"|'[^']*')""")
_SECRET_NAME = re.compile(rf"(?i){_NAME}")
_HARMLESS = re.compile(
    r"pcmk_\w+|ip|ipaddr|ipport|port|plug|lanplus|ssl\w*|delay|method|action|devices|uuid|timeout|\w+_timeout"
)
"""parameters of fencing devices that say where and how, and open nothing"""


def without_secrets(text: str) -> str:
    """The text with each secret in it replaced by HIDDEN; what stands around it stays, so that it can be read."""
    text = _PRIVATE_KEY.sub(rf"\1 {HIDDEN} \2", text)
    text = _STONITH.sub(lambda found: _PAIR.sub(_only_harmless, found.group()), text)
    text = _PAIR.sub(_by_its_name, text)
    text = _IN_URL.sub(rf"\1{HIDDEN}", text)
    text = _LONG_OPTION.sub(rf"\1{HIDDEN}", text)
    return _ASSIGNMENT.sub(rf"\1{HIDDEN}", text)


def _only_harmless(pair: re.Match[str]) -> str:
    return pair.group() if _HARMLESS.fullmatch(_name_of(pair)) else _hidden(pair)


def _by_its_name(pair: re.Match[str]) -> str:
    return _hidden(pair) if _SECRET_NAME.fullmatch(_name_of(pair)) else pair.group()


def _name_of(pair: re.Match[str]) -> str:
    """The name of an <nvpair>; '' where it has none."""
    return next((value[1:-1] for key, value in _ATTRIBUTE.findall(pair.group()) if key == "name"), "")


def _hidden(pair: re.Match[str]) -> str:
    return _ATTRIBUTE.sub(lambda each: f'value="{HIDDEN}"' if each.group(1) == "value" else each.group(), pair.group())
