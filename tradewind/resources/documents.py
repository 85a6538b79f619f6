"""Text of a manifest file → its documents, and faults with line and column of those that cannot be read.

YAML is read as `kubectl` reads it: timestamps and sexagesimal numbers stay text, and a key given twice is a fault.
What a file may grow to is bounded: its size, its depth, and its nodes once aliases are written out (a kilobyte of
nested aliases can stand for gigabytes).
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from tradewind.errors import Fault
from tradewind.events.attributes import shown

MAX_CHARACTERS = 1024 * 1024
"""Characters of one file.  An object in Kubernetes' store may have 1.5 MiB, a ConfigMap 1 MiB."""

MAX_NODES = 200_000
"""Scalars, lists and mappings of one document, aliases written out.  1 MiB of the shortest YAML has fewer."""

MAX_DEPTH = 100
"""Levels of nesting.  The deepest schema has ten."""


@dataclass(slots=True)
class Parsed:
    """The documents of one file, each with its origin; and why others cannot be read."""

    documents: list[tuple[str, Any]] = field(default_factory=list)  # a document is whatever YAML holds
    faults: list[Fault] = field(default_factory=list)


class _Unreadable(Exception):
    """Reading must end here."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def parse(name: str, text: str) -> Parsed:
    """The documents of a file of this name; by its ending it is JSON or YAML."""
    parsed = Parsed()
    if len(text) > MAX_CHARACTERS:
        parsed.faults.append(Fault(name, f"{len(text)} characters", f"at most {MAX_CHARACTERS} in a file"))
        return parsed
    try:
        if name.endswith(".json"):
            parsed.documents.append((name, _json(name, text, parsed.faults)))
        else:
            _yaml(name, text, parsed)
    except _Unreadable as unreadable:
        parsed.faults.append(unreadable.fault)
    return parsed


def parse_json(name: str, text: str) -> Parsed:
    """The one value of a JSON text, by the rules of a file's; how long it may be is for whoever took it to say."""
    parsed = Parsed()
    try:
        parsed.documents.append((name, _json(name, text, parsed.faults)))
    except _Unreadable as unreadable:
        parsed.faults.append(unreadable.fault)
    return parsed


def _json(name: str, text: str, faults: list[Fault]) -> Any:  # as above
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:  # as above
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = sorted({key for index, (key, _) in enumerate(pairs) if key in [k for k, _ in pairs[:index]]})
            faults.extend(Fault(name, f"the key {shown(key)} twice in one object", "each key once") for key in twice)
        return found

    try:
        value = json.loads(text, object_pairs_hook=once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise _Unreadable(Fault(_at(name, error.lineno, error.colno), f"no JSON ({error.msg})", "JSON")) from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; thousands of levels
        raise _Unreadable(Fault(name, f"no JSON ({str(error)[:80]})", "JSON")) from None
    _bounded(name, value)
    return value


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON's")


def _bounded(name: str, value: Any) -> None:  # as above
    """Raises where JSON nests too deeply or holds half of a surrogate pair, which no encoding can write."""
    level = [value]
    for _ in range(MAX_DEPTH):
        lists = [held for held in level if isinstance(held, list)]
        objects = [held for held in level if isinstance(held, dict)]
        texts = [held for held in level if isinstance(held, str)] + [key for held in objects for key in held]
        if any("\ud800" <= character <= "\udfff" for held in texts if not held.isascii() for character in held):
            raise _Unreadable(Fault(name, "half of a surrogate pair", "text"))
        level = [item for held in lists for item in held] + [item for held in objects for item in held.values()]
        if not level:
            return
    raise _Unreadable(Fault(name, f"more than {MAX_DEPTH} levels", f"at most {MAX_DEPTH}"))


_OTHERWISE = ("timestamp", "value", "int", "float")


class _Loader(yaml.CSafeLoader):
    """YAML 1.1 without what Go's reader does not have either: timestamps, sexagesimal numbers, `=`."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag.rpartition(":")[2] not in _OTHERWISE]
    for first, pairs in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)$"),
    list("-+0123456789"),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"(?:[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    list("-+0123456789."),
)


_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What ends a line, as YAML 1.1 has it."""

_LINE = re.compile(f"[^\r\n\x85\u2028\u2029]*(?:{_BREAK.pattern}|$)")
_BEGINS = re.compile(r"---(?:\s|$)")
_ENDS = re.compile(r"\.\.\.(?:\s|$)")
_BLANK = re.compile(r"\s*(?:#|$)")


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """Each document as it is written, behind the number of lines before it.

    Where a line begins with `---` or `...` a document ends, whatever it holds; so what is wrong in one, such as a
    bracket that is never closed, hides no other.  Directives belong to the document that they stand before.
    """
    before, part = 0, list[str]()
    holds = closed = False
    for line in _LINE.findall(text):
        begins, ends, blank = (bool(pattern.match(line)) for pattern in (_BEGINS, _ENDS, _BLANK))
        if holds and (begins or (closed and not ends and not blank)):
            yield before, "".join(part)
            before, part = before + len(part), []
            holds = closed = False
        closed = holds and (closed or ends)
        holds = holds or not (blank or line.startswith("%"))
        part.append(line)
    yield before, "".join(part)


def _yaml(name: str, text: str, parsed: Parsed) -> None:
    count = 0
    values: list[tuple[int, Any]] = []  # as above
    for before, part in _parts(text):
        try:
            for value in _values(_Place(name, before), part, parsed.faults):
                count += 1
                values.append((count, value))
        except _Unreadable as unreadable:
            count += 1
            parsed.faults.append(unreadable.fault)
    parsed.documents += [(f"{name}, document {n}" if count > 1 else name, value) for n, value in values]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in its file a document stands."""

    name: str
    before: int
    """Lines before it."""

    def at(self, line: int, column: int) -> str:
        """The path of what stands here in the document, both counted from 0."""
        return _at(self.name, self.before + line + 1, column + 1)


def _values(place: _Place, text: str, faults: list[Fault]) -> Iterator[Any]:  # as above
    """The document in this text, if it holds one.  Raises where it cannot be read."""
    try:
        loader = _Loader(text)
        try:
            while loader.check_node():
                node = loader.get_node()
                assert node is not None  # check_node said so
                faults += _Inspection(place).inspect(node)
                yield loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = place.at(mark.line, mark.column) if mark else place.at(0, 0)
        raise _Unreadable(Fault(where, f"no YAML ({error.problem or error.context})", "YAML")) from None
    except yaml.reader.ReaderError as error:  # a control character
        lines = _BREAK.split(text.encode()[: error.position].decode())
        where = place.at(len(lines) - 1, len(lines[-1]))
        raise _Unreadable(Fault(where, f"no YAML ({error.reason})", "YAML")) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # an impossible number
        reason = str(error).splitlines()[0]
        raise _Unreadable(Fault(place.at(0, 0), f"no YAML ({reason})", "YAML")) from None


@dataclass(slots=True)
class _Inspection:
    """Walks a document's nodes as they will be once aliases are written out."""

    place: _Place
    sizes: dict[int, int] = field(default_factory=dict)
    open: set[int] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)

    def inspect(self, node: yaml.Node) -> list[Fault]:
        """The faults of keys; raises where the document must not be built."""
        self._size(node, 1)
        return self.faults

    def _size(self, node: yaml.Node, depth: int) -> int:
        if id(node) in self.sizes:
            return self.sizes[id(node)]
        if id(node) in self.open:
            raise self._end(node, "an alias of what it stands in", "no circle of aliases")
        if depth > MAX_DEPTH:
            raise self._end(node, f"more than {MAX_DEPTH} levels", f"at most {MAX_DEPTH}")
        self.open.add(id(node))
        size = 1 + sum(self._size(child, depth + 1) for child in self._children(node))
        self.open.discard(id(node))
        if size > MAX_NODES:
            raise self._end(node, f"more than {MAX_NODES} values, aliases written out", f"at most {MAX_NODES}")
        self.sizes[id(node)] = size
        return size

    def _children(self, node: yaml.Node) -> Iterator[yaml.Node]:
        if isinstance(node, yaml.SequenceNode):
            yield from node.value
        elif isinstance(node, yaml.MappingNode):
            seen: set[tuple[str, str]] = set()
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    found = "a key that is a " + ("list" if isinstance(key, yaml.SequenceNode) else "mapping")
                    raise self._end(key, found, "keys that are text; templates, such as Helm's, are not read")
                self._once(key, seen)
                yield key
                yield value

    def _once(self, key: yaml.ScalarNode, seen: set[tuple[str, str]]) -> None:
        if (key.tag, key.value) in seen:
            found = f"the key {shown(key.value)} twice in one mapping"
            self.faults.append(Fault(self._at(key), found, "each key once"))
        seen.add((key.tag, key.value))

    def _end(self, node: yaml.Node, found: str, expected: str) -> _Unreadable:
        return _Unreadable(Fault(self._at(node), found, expected))

    def _at(self, node: yaml.Node) -> str:
        return self.place.at(node.start_mark.line, node.start_mark.column)


def _at(name: str, line: int, column: int) -> str:
    return f"{name}: line {line}, column {column}"
