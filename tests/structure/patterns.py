"""Finds every regular expression of the product, from the syntax trees of its modules.

What stands there is evaluated as the module itself would. A pattern that is put together of what only a
function knows is made anew by `MADE`. Whatever uses regular expressions in a way that is not known here is an
error, so that none escapes.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from time import thread_time
from typing import Annotated, Any

from pydantic import StringConstraints, TypeAdapter, ValidationError

from local.processes import ROOT
from shared.destinations.encoding import field_types, values
from shared.segments import shards
from shared.segments.formats.csv import backslashes, columns

WAYS = ("match", "fullmatch", "search", "sub", "split", "finditer", "findall")
_HARMLESS = {"escape", "Pattern", "Match", "ASCII", "IGNORECASE", "DOTALL"}
"""What else the module `re` is used for."""
_LIMITS_OF_TEXT = {"Field", "StringConstraints", "Query", "Path", "Header", "Body"}
"""What takes a `pattern` of pydantic."""
_OTHER_ENGINES = {"regex", "re2", "fnmatch", "sre_compile", "glob", "_sre"}

MADE: Mapping[str, tuple[Sequence[re.Pattern[Any]], str]] = {
    f"{backslashes.__name__}:_escaping": ([backslashes._escaping(each) for each in ",|"], "match"),
    f"{backslashes.__name__}:_ending": ([backslashes._ending(each) for each in ",|"], "match"),
    f"{backslashes.__name__}:_doubling": ([backslashes._doubling(each) for each in ",|"], "match"),
    f"{backslashes.__name__}:__init__": (
        [
            pattern
            for way in (backslashes.Backslashed(each, 3) for each in ",|")
            for pattern in (way._unescaped, way._unquoted)
        ],
        "sub",
    ),
    f"{shards.__name__}:_form": ([each.pattern for each in shards.FORMS], "fullmatch"),
    f"{values.__name__}:_taking_typed": (
        [re.compile(each.like) for each in field_types._CHECKS.values() if each.like],
        "match",
    ),
    f"{columns.__name__}:_nothing": ([columns._nothing(each) for each in ",|"], "search"),
}
"""Patterns that are put together while the app runs, and how they are used; by module and function."""


class UnknownUseError(Exception):
    """Regular expressions are used in a way of which it is not known how to find the pattern."""


@dataclass(frozen=True)
class Used:
    """A pattern, where it comes from, and the ways in which it is used."""

    where: str
    pattern: re.Pattern[Any]
    ways: Sequence[str] = WAYS
    use: Callable[[str], object] | None = None  # instead of all these, an engine of its own

    def seconds(self, text: str) -> float:
        """Return the time of the processor that the slowest way takes with a text."""
        if self.use:
            return _timed(self.use, text)
        given: Any = text if isinstance(self.pattern.pattern, str) else text.encode()
        return max(_timed(self._way(way), given) for way in self.ways)

    def _way(self, way: str) -> Callable[[Any], object]:
        if way == "sub":
            nothing: Any = "" if isinstance(self.pattern.pattern, str) else b""
            return lambda text: self.pattern.sub(nothing, text)
        if way == "finditer":
            return lambda text: sum(1 for _ in self.pattern.finditer(text))
        found: Callable[[Any], object] = getattr(self.pattern, way)
        return found


def _timed(use: Callable[[Any], object], text: Any) -> float:
    began = thread_time()
    use(text)
    return thread_time() - began


def files() -> Sequence[Path]:
    """Return the modules of the product."""
    found = [path for folder in ("functions", "shared") for path in (ROOT / folder).rglob("*.py")]
    return [ROOT / "function_app.py", *sorted(found)]


def patterns() -> Sequence[Used]:
    """Return every pattern of the product; raise UnknownUseError if there may be others."""
    trees = {path: ast.parse(path.read_text()) for path in files()}
    ways = _ways(list(trees.values()))
    return [
        used for path, tree in trees.items() for used in patterns_in(tree, _module_name(path), ways)
    ]


def _module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def _ways(trees: Sequence[ast.Module]) -> Mapping[str, Sequence[str]]:
    """Return how patterns are used, by their names; one that is handed on as well is used in every way."""
    ways: dict[str, set[str]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in WAYS:
                name = getattr(node.value, "attr", None) or getattr(node.value, "id", None)
                ways.setdefault(str(name), set()).add(node.attr)
    return {name: sorted(each) for name, each in ways.items()}


def patterns_in(tree: ast.Module, module: str, ways: Mapping[str, Sequence[str]]) -> Iterator[Used]:
    """Yield the patterns of a module."""
    names = vars(import_module(module))
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        _forbid_other_engines(node, parents, module)
        if isinstance(node, ast.Call):
            yield from _of_call(node, parents, module, names, ways)
        elif (
            isinstance(node, ast.Attribute)
            and _is_of_re(node)
            and not _is_called(node, parents)
            and node.attr not in _HARMLESS
        ):
            raise UnknownUseError(f"{module}:{node.lineno}: re.{node.attr} is handed on")


def _forbid_other_engines(node: ast.AST, parents: Mapping[ast.AST, ast.AST], module: str) -> None:
    imported: list[str] = []
    if isinstance(node, ast.Import):
        imported = [each.name for each in node.names]
        if any(each.name == "re" and each.asname for each in node.names):
            raise UnknownUseError(f"{module}:{node.lineno}: re has another name")
    elif isinstance(node, ast.ImportFrom) and node.level == 0:
        imported = [str(node.module), *(each.name for each in node.names)]
        if node.module == "re":
            raise UnknownUseError(f"{module}:{node.lineno}: import re as a whole")
    if found := _OTHER_ENGINES.intersection(each.partition(".")[0] for each in imported):
        raise UnknownUseError(f"{module}: {found} is another engine")
    if isinstance(node, ast.Name) and node.id == "re":
        parent = parents[node]
        if not (isinstance(parent, ast.Attribute) and parent.value is node):
            raise UnknownUseError(f"{module}:{node.lineno}: re itself is handed on")
    if isinstance(node, ast.Attribute) and "regex" in node.attr:
        # Those of pyarrow are RE2's, which takes linear time whatever the pattern; routes are apart.
        is_arrow = isinstance(node.value, ast.Name) and node.value.id == "pc"
        if not is_arrow and node.attr != "path_regex":
            raise UnknownUseError(f"{module}:{node.lineno}: {node.attr} is another engine's")


def _is_of_re(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "re"
    )


def _is_called(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> bool:
    parent = parents[node]
    return isinstance(parent, ast.Call) and parent.func is node


def _of_call(
    call: ast.Call,
    parents: Mapping[ast.AST, ast.AST],
    module: str,
    names: Mapping[str, Any],
    ways: Mapping[str, Sequence[str]],
) -> Iterator[Used]:
    called = getattr(call.func, "attr", None) or getattr(call.func, "id", "")
    if _is_of_re(call.func) and called not in _HARMLESS:
        within = _within(call, parents)
        where = f"{module}:{within}"
        if where in MADE:
            made, way = MADE[where]
            for each in made:
                yield Used(where, each, [way])
        elif called == "compile":
            yield Used(where, _evaluated(call, names, where), ways.get(within, WAYS))
        elif called in WAYS:
            flags = [each.value for each in call.keywords if each.arg == "flags"]
            if len(call.args) > (3 if called == "sub" else 2):
                raise UnknownUseError(f"{where}: name the flags")
            first = _evaluated(call.args[0], names, where)
            of = _evaluated(flags[0], names, where) if flags else 0
            yield Used(where, re.compile(first, of), [called])
        else:
            raise UnknownUseError(f"{where}: re.{called}")
    for keyword in call.keywords:
        if keyword.arg in ("pattern", "regex") and called != "say":
            where = f"{module}:{_within(call, parents)}:{keyword.arg}"
            if called not in _LIMITS_OF_TEXT:
                raise UnknownUseError(f"{where}: {called}({keyword.arg}=…)")
            yield of_pydantic(where, _evaluated(keyword.value, names, where))


def of_pydantic(where: str, pattern: str) -> Used:
    """Return a pattern as pydantic uses it."""
    checked = TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])

    def use(text: str) -> bool:
        try:
            checked.validate_python(text)
        except ValidationError:
            return False
        return True

    return Used(where, re.compile(pattern), use=use)


def _within(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> str:
    """Return the name of the innermost function around a node, or of what is assigned outside of any."""
    name = ""
    while node in parents:
        node = parents[node]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return node.name
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = name or node.targets[0].id
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = name or node.target.id
    return name


def _evaluated(node: ast.expr, names: Mapping[str, Any], where: str) -> Any:
    try:
        code = compile(ast.Expression(node), where, "eval")
        return eval(code, dict(names))  # noqa: S307 # the product's own code
    except NameError as error:
        raise UnknownUseError(f"{where}: {error}; add it to MADE") from None
