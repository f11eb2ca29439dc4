"""Functions of a tree of Python files, and mutants of their text."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from collections.abc import Iterator

Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]

_BOUNDARIES = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">"}
_OPPOSITES = {ast.Eq: "!=", ast.NotEq: "==", ast.In: "not in", ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is"}
_EMPTY = {"str": '""', "int": "0", "float": "0.0", "bytes": 'b""', "None": "None"}
"""what a function that returns early gives back, by its annotation"""
_LONGEST = 60
KINDS = ("negate", "boundary", "opposite", "either", "drop", "return", "constant")


class Rotten(Exception):
    """The code has moved on, and a list of mutants has not."""


@dataclass(frozen=True)
class Mutant:
    """A change of one file's text."""

    file: Path
    """relative to the tree"""
    function: str
    """name with those of the classes and functions around it; '' for the module's level"""
    kind: str
    """one of KINDS; or the name of a named one"""
    snippet: str
    """what was changed, on one line"""
    start: int
    end: int
    """offsets in the text"""
    new: str
    place: int = 0
    """which of several mutants of this kind and snippet in the function"""

    @property
    def where(self) -> str:
        """What it is known by; a named one by its name."""
        again = f" #{self.place + 1}" if self.place else ""
        key = f"{self.file}: {self.function}: {self.kind}: {self.snippet}{again}"
        return key if self.kind in KINDS else self.kind

    def applied(self, text: str) -> str:
        """The file's text with the change."""
        return text[: self.start] + self.new + text[self.end :]


def functions_of(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    """(qualified name, function) of all functions."""
    waiting: list[tuple[str, ast.AST]] = [("", tree)]
    while waiting:
        prefix, node = waiting.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield prefix + child.name, child
            is_named = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            waiting.append((f"{prefix}{child.name}." if is_named else prefix, child))  # type: ignore[attr-defined]


class Text:
    """A file's text, and where the nodes of its tree are in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = ast.parse(text)
        lines = text.splitlines(keepends=True)
        self._starts = [0]
        for line in lines:
            self._starts.append(self._starts[-1] + len(line))
        self._lines = lines

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Offsets of a node."""
        return self._offset(node.lineno, node.col_offset), self._offset(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def of(self, node: ast.AST) -> str:
        """The text of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def _offset(self, line: int, column: int) -> int:
        """ast counts columns in bytes of UTF-8."""
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())


def find_named(root: Path, function: str, old: str, new: str, name: str) -> Mutant:
    """The mutant of a named fault. Raises Rotten where there is not exactly one place for it."""
    found = []
    for file in sorted(root.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        if old not in text:
            continue
        source = Text(text)
        functions = functions_of(source.tree)
        places = [(path, *source.span(node)) for path, node in functions if path.split(".")[-1] == function]
        for path, start, end in places or ([("", 0, len(source.text))] if not function else []):
            if old in source.text[start:end]:
                at = source.text.index(old, start)
                found.append(Mutant(file.relative_to(root), path, name, old, at, at + len(old), new))
    if len(found) == 1 and not _is_python(found[0].applied((root / found[0].file).read_text(encoding="utf-8"))):
        raise Rotten(f"{name}: {new!r} in {function}() makes no Python")
    if len(found) != 1:
        where = ", ".join(str(each.file) for each in found) or "nowhere"
        raise Rotten(f"{name}: {old!r} in {function}() is {where}")
    return found[0]


def mutants_of(root: Path, file: Path) -> list[Mutant]:
    """All mutants of a file's functions, each with a key of its own."""
    source = Text((root / file).read_text(encoding="utf-8"))
    found: list[Mutant] = []
    seen: dict[str, int] = {}
    for function, node in functions_of(source.tree):
        for kind, changed, new in _changes(source, node):
            start, end = source.span(changed)
            snippet = " ".join(source.text[start:end].split())[:_LONGEST]
            mutant = Mutant(file, function, kind, snippet, start, end, new)
            if not _is_python(mutant.applied(source.text)):
                continue
            place = seen.setdefault(mutant.where, 0)
            seen[mutant.where] += 1
            found.append(Mutant(**{**mutant.__dict__, "place": place}))
    return found


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def _changes(source: Text, function: Function) -> Iterator[tuple[str, ast.AST, str]]:
    """(kind, node, new text) of everything in a function but what is in functions within it; none if it is abstract."""
    if source.of(function.body[-1]) == "raise NotImplementedError":
        return
    early = _early_return(source, function)
    if early:
        yield early
    for node in _own_nodes(function):
        yield from _changes_of(source, node)


def _own_nodes(function: Function) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = list(reversed(function.body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        yield node
        if not isinstance(node, ast.JoinedStr):  # Python before 3.12 does not know where the parts of an f-string are
            waiting += reversed(list(ast.iter_child_nodes(node)))


def _changes_of(source: Text, node: ast.AST) -> Iterator[tuple[str, ast.AST, str]]:
    if isinstance(node, (ast.If, ast.While, ast.IfExp)):
        yield "negate", node.test, f"not ({source.of(node.test)})"
    elif isinstance(node, ast.comprehension):
        for test in node.ifs:
            yield "negate", test, f"(not ({source.of(test)}))"
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield from _comparison(source, node)
    elif isinstance(node, ast.BoolOp):
        word = " or " if isinstance(node.op, ast.And) else " and "
        yield "either", node, "(" + word.join(f"({source.of(value)})" for value in node.values) + ")"
    elif _is_dropped(node):
        yield "drop", node, "pass"
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield "constant", node, str(not node.value) if isinstance(node.value, bool) else str(node.value + 1)


def _is_dropped(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, (ast.Call, ast.Await))
    return isinstance(node, (ast.Raise, ast.AugAssign))


def _comparison(source: Text, node: ast.Compare) -> Iterator[tuple[str, ast.AST, str]]:
    kind = type(node.ops[0])
    left, right = source.of(node.left), source.of(node.comparators[0])
    if kind in _BOUNDARIES:
        yield "boundary", node, f"({left} {_BOUNDARIES[kind]} {right})"
    elif kind in _OPPOSITES:
        yield "opposite", node, f"({left} {_OPPOSITES[kind]} {right})"


def _early_return(source: Text, function: Function) -> tuple[str, ast.AST, str] | None:
    """The function does nothing: its first statement after the docstring becomes a return of something empty."""
    if function.returns is None:
        return None
    annotation = source.of(function.returns)
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    value = "None" if annotation.endswith("| None") else _EMPTY.get(annotation, "")
    value = value or ("()" if annotation.startswith("tuple[") and "..." in annotation else "")
    value = value or ("[]" if annotation.startswith("list[") else "{}" if annotation.startswith("dict[") else "")
    if not body or not value or isinstance(body[0], (ast.Pass, ast.FunctionDef)):
        return None
    if isinstance(body[0], ast.Return) and body[0].value is not None and source.of(body[0].value) == value:
        return None
    return "return", body[0], f"return {value}"
