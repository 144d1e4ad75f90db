"""Parse and translate only once what differs in nothing but random names: it saves local-bigquery 0.4.0 much time.

Each test has a dataset of its own and each batch a staging table, so that hardly a statement comes twice as it is. A
translation depends on the statement, on what its script has declared, and on what is read of the catalog meanwhile.
All three are compared, with placeholders for random names, before a translation is used again.
"""

import json
import pickle
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import Any

from sqlglot import exp

from tests.bigquery.emulator_patches import MERGING

RANDOM = re.compile(r"[0-9a-f]{12,}")
"""Names that were drawn, fingerprints, and times in milliseconds."""
PLACEHOLDER = re.compile("\x00(\\d+)\x00")
EXPIRY = re.compile(r"expirationTime\D+(\d+)")
UNREPEATABLE = re.compile(
    r"Version|SessionParameter|\(Placeholder|\(Parameter\nthis\n\(Parameter|INFORMATION_SCHEMA|EXTERNAL_QUERY"
)
"""Statements with these depend on more than what is compared: on time, on all datasets, on system variables."""
VARIANTS = 8
"""Translations that are kept of statements alike."""


class _Names:
    """Random names, numbered in the order in which they are met."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def hide(self, text: str) -> str:
        return RANDOM.sub(lambda found: f"\x00{self._numbers.setdefault(found[0], len(self._numbers))}\x00", text)

    def show(self, text: str) -> str:
        """Put the names in again. An unknown number is an IndexError."""
        names = list(self._numbers)
        return PLACEHOLDER.sub(lambda found: names[int(found[1])], text)

    def would_be_lost_in(self, text: str) -> bool:
        """Return whether a text has a name in other letters, so that it could not be hidden."""
        return any(name.upper() != name and name.upper() in text for name in self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)


@dataclass(frozen=True, slots=True)
class _Read:
    """A question to the catalog and its answer."""

    ask: Callable[..., Any]
    arguments: str
    answer: str


_recording: ContextVar[list[_Read] | None] = ContextVar("recording", default=None)


def parse_scripts_once() -> None:
    """Remember the division of each script into statements. It depends on the script's text alone."""
    script: Any = import_module("local_bigquery.sql.script")
    parse = script.parse_script
    kept: dict[str, list[Any]] = {}

    def patched(sql: str) -> list[Any]:
        names = _Names()
        key = names.hide(sql)
        if key not in kept:
            statements: list[Any] = parse(sql)
            if names.would_be_lost_in(repr(statements)):
                return statements
            kept[key] = [_change_texts(each, names.hide) for each in statements]
        return [_change_texts(each, names.show) for each in kept[key]]

    script.parse_script = patched


def _change_texts(statement: Any, change: Callable[[str], str]) -> Any:
    """Return a copy of a statement of a script, and of those inside it, with other texts."""

    def change_all(statements: list[Any]) -> list[Any]:
        return [_change_texts(each, change) for each in statements]

    return replace(
        statement,
        text=change(statement.text),
        body=change_all(statement.body),
        branches=[(change(condition), change_all(body)) for condition, body in statement.branches],
        otherwise=None if statement.otherwise is None else change_all(statement.otherwise),
        names=[change(name) for name in statement.names],
        items=[(change(name), None if value is None else change(value)) for name, value in statement.items],
        label=change(statement.label),
    )


def parse_statements_once() -> None:
    """Remember the tree of each statement and expression. To load a pickled one takes a quarter of the time."""
    translations: Any = import_module("local_bigquery.sql.translate")
    script: Any = import_module("local_bigquery.sql.script")
    script.parse = translations.parse = _parse_once(translations.parse)
    expression = _parse_once(partial(script.Interpreter.expression, None))
    script.Interpreter.expression = lambda _, sql: expression(sql)


def _parse_once(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    kept: dict[tuple[str, tuple[int, ...]], tuple[list[bytes], bytes]] = {}

    def patched(sql: str) -> Any:
        names = _Names()
        hidden = names.hide(sql)
        found = [name.encode() for name in names]
        key = hidden, tuple(map(len, found))  # a pickle holds the length of each text
        if key not in kept:
            kept[key] = found, pickle.dumps(parse(sql))
        earlier, pickled = kept[key]
        if found != earlier:
            others = dict(zip(earlier, found, strict=True))
            pickled = re.sub(b"|".join(earlier), lambda match: others[match[0]], pickled)
        return pickle.loads(pickled)

    return patched


def translate_statements_once() -> None:
    """Remember each translation with all that it depended on."""
    translations: Any = import_module("local_bigquery.sql.translate")
    translate = translations.translate
    kept: defaultdict[str, list[tuple[list[_Read], str]]] = defaultdict(list)
    _record_reads()

    def patched(tree: exp.Expression, context: Any) -> tuple[str, dict[str, Any]]:
        shape = _describe_statement(tree, context)
        key = _Names().hide(shape)
        for reads, result in kept[key]:
            names = _Names()
            names.hide(shape)
            if _is_catalog_alike(reads, names):
                return _apply(json.loads(names.show(result)), context)
        before, context.referenced = context.referenced, set()
        with _recorded() as made:
            sql, bound = translate(tree, context)
        temporary = sorted(_describe(tree, []) & context.temporary)
        effects = sql, sorted(context.used), temporary, sorted(context.referenced)
        context.referenced |= before
        names = _Names()
        names.hide(shape)
        reads = [_Read(read.ask, names.hide(read.arguments), names.hide(read.answer)) for read in made]
        known = len(names)
        result = names.hide(json.dumps(effects))
        is_repeatable = len(names) == known and not any(map(_is_expired, made)) and not UNREPEATABLE.search(shape)
        if is_repeatable and len(kept[key]) < VARIANTS:
            kept[key].append((reads, result))
        return sql, bound

    translations.translate = patched
    for name in ("sql.script", "jobs.query", "jobs.merge", "grpc.read"):
        import_module(f"local_bigquery.{name}").translate = patched  # type: ignore[attr-defined]  # untyped


def _describe_statement(tree: exp.Expression, context: Any) -> str:
    """Return all that a translation depends on, apart from the catalog."""
    parts: list[str] = []
    temporary = _describe(tree, parts) & context.temporary
    parts += [context.project_id, str(context.dataset_id), str(sorted(temporary)), str(MERGING.get())]
    parts += [str(sorted(each.items())) for each in (context.parameters, context.functions, context.variables)]
    parts += [str(sorted(context.values)), str(tree.meta.get("table_function"))]
    return "\n".join(parts)


def _describe(value: Any, parts: list[str]) -> set[str]:
    """Add a description of a tree to ``parts``, and return the names of its tables."""
    tables: set[str] = set()
    if isinstance(value, exp.Expression):
        if isinstance(value, exp.Table):
            tables.add(value.name.casefold())
        parts.append(f"({type(value).__name__}")
        for name, part in value.args.items():
            if part is not None and part is not False and part != []:
                parts.append(name)
                tables |= _describe(part, parts)
        parts.append(")")
    elif isinstance(value, list):
        parts.append("[")
        for part in value:
            tables |= _describe(part, parts)
        parts.append("]")
    else:
        parts.append(repr(value))
    return tables


def _apply(effects: list[Any], context: Any) -> tuple[str, dict[str, Any]]:
    sql, used, temporary, referenced = effects
    context.used.clear()
    context.used.update(used)
    context.temporary.update(temporary)
    context.referenced.update(map(tuple, referenced))
    return sql, {name: context.values[name] for name in used}


def _record_reads() -> None:
    """Record what a translation reads of the catalog. All of it goes through these functions."""
    tables: Any = import_module("local_bigquery.catalog.tables")
    tables.columns = _record(tables.columns)
    for name in ("engine.database", "catalog.metadata", "catalog.row_access"):
        module: Any = import_module(f"local_bigquery.{name}")
        module.fetch = _record(module.fetch)


def _record(ask: Callable[..., Any]) -> Callable[..., Any]:
    def recorded(*arguments: Any) -> Any:
        reads = _recording.get()
        if reads is None:
            return ask(*arguments)
        token = _recording.set(None)  # what a question asks in turn is part of its answer
        try:
            answer = ask(*arguments)
        finally:
            _recording.reset(token)
        reads.append(_Read(ask, json.dumps(arguments), _describe_answer(arguments, answer)))
        return answer

    return recorded


def _describe_answer(arguments: tuple[Any, ...], answer: Any) -> str:
    """Leave out the number of rows: no translation depends on it."""
    return repr([row[:2] for row in answer] if "estimated_size" in arguments[0] else answer)


@contextmanager
def _recorded() -> Iterator[list[_Read]]:
    reads: list[_Read] = []
    token = _recording.set(reads)
    try:
        yield reads
    finally:
        _recording.reset(token)


def _is_catalog_alike(reads: list[_Read], names: _Names) -> bool:
    """Ask the same questions again. ``names`` learns those of the answers."""
    for read in reads:
        arguments = json.loads(names.show(read.arguments))
        answer = _describe_answer(arguments, read.ask(*arguments))
        if names.hide(answer) != read.answer or _is_expired(_Read(read.ask, "", answer)):
            return False
    return True


def _is_expired(read: _Read) -> bool:
    return any(int(found) < time.time() * 1000 for found in EXPIRY.findall(read.answer))
