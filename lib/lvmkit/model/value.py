"""Frozen value objects without the `dataclasses` module.

quickCheck starts a Python for every resource every two minutes; importing `dataclasses` would more than double what
that start costs. A subclass declares annotated fields, as in a dataclass, and gets construction, equality, hash, repr.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from functools import cached_property
    from typing import Any, TypeVar

    from typing_extensions import dataclass_transform

    SomeValue = TypeVar("SomeValue", bound="Value")
    once = cached_property
else:

    def dataclass_transform(**_options):
        """Stand-in at run time for typing.dataclass_transform (PEP 681), which only type checkers read."""
        return lambda cls: cls

    class once:  # noqa: N801 - it is used as a decorator
        """What a value works out when it is first asked for it, and keeps, as it does not change.

        It stands for functools.cached_property, whose module a check must not pay for.
        """

        def __init__(self, work):
            self._work, self.__doc__ = work, work.__doc__

        def __set_name__(self, _owner, name):
            self._name = name

        def __get__(self, value, _owner=None):
            if value is None:
                return self
            result = value.__dict__[self._name] = self._work(value)
            return result


@dataclass_transform(frozen_default=True)
class Value:
    """An immutable record; fields are the annotated names of the class and its bases, in order."""

    _fields: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        own = [name for name, kind in cls.__dict__.get("__annotations__", {}).items() if "ClassVar" not in str(kind)]
        cls._fields = cls._fields + tuple(name for name in own if name not in cls._fields)

    def __init__(self, *args: Any, **named: Any) -> None:
        if len(args) == len(self._fields) and not named:
            self.__dict__.update(zip(self._fields, args))  # as most are made, and there are many
            return
        given = dict(zip(self._fields, args))
        if len(args) > len(self._fields) or given.keys() & named.keys() or named.keys() - set(self._fields):
            raise TypeError(f"{type(self).__name__} takes {self._fields}, not {args!r} {named!r}")
        given.update(named)
        for name in self._fields:
            if name not in given and not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} needs {name}")
        self.__dict__.update(given)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, in the order in which they were declared."""
        return {name: getattr(self, name) for name in self._fields}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.as_dict() == other.as_dict()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self), tuple(self.as_dict().values())))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.as_dict().items())})"


def replace(value: SomeValue, **changes: Any) -> SomeValue:
    """A copy of value with some fields changed."""
    return type(value)(**{**value.as_dict(), **changes})
