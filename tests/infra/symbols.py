"""Finds names and functions that a template uses and nothing declares. No parser on PyPI does.

It is a little lenient: what a loop or a lambda declares counts for the whole declaration around it.
"""

import re
from collections.abc import Iterator

from lark import Token, Tree

from tests.infra.templates import PARSER

_FUNCTIONS = {
    *("array", "bool", "concat", "contains", "deployment", "empty", "environment", "filter"),
    *("first", "format", "guid", "int", "items", "join", "json", "last", "length", "listKeys"),
    *("loadJsonContent", "loadTextContent", "map", "max", "min", "range", "reference"),
    *("replace", "resourceGroup", "resourceId", "split", "string", "subscription"),
    *("subscriptionResourceId", "substring", "take", "tenant", "toLower", "toObject", "trim"),
    *("union", "uniqueString"),
}
_TYPES = {"string", "int", "bool", "object", "array", "secureString", "secureObject"}
_DECLARING = {"param", "var", "resource", "module", "custom_type", "custom_func", "child_resource"}
_BINDING = {"loop_array": 1, "loop_array_index": 2, "loop_object": 1}  # names before the source
_MEMBER = re.compile(r"(\.\??|::)\s*$")


def undeclared(text: str) -> list[str]:
    """Return each name that is used but declared nowhere, in the order in which they stand."""
    tree = PARSER.lark_parser.parse(text)
    declared = {_name(node) for node in tree.iter_subtrees() if node.data in _DECLARING}
    problems = []
    for element in tree.children:
        assert isinstance(element, Tree)
        known = declared | set(_bound(element))
        problems += [name for name in _used(element, text) if name not in known]
    return problems


def _name(node: Tree[Token]) -> str:
    """Return the name that a declaration declares: its first one, behind the decorators."""
    name = next(child for child in node.children if isinstance(child, Token))
    return f"{name}()" if node.data == "custom_func" else str(name)


def _bound(element: Tree[Token]) -> Iterator[str]:
    """Yield the names that loops, lambdas and functions within an element declare."""
    for node in element.iter_subtrees():
        if count := _BINDING.get(node.data):
            yield from (str(token) for token in node.children[:count])
        elif node.data == "lambda_expression":
            yield from (str(child.children[0]) for child in node.children[:-1])  # type: ignore[union-attr] # names are `string` nodes
        elif node.data == "custom_func":
            yield from (str(token) for token in node.children if isinstance(token, Token))
    for string in _interpolated(element):
        yield from _bound(_expression(string))


def _used(element: Tree[Token], text: str) -> Iterator[str]:
    """Yield names of variables, functions (with parentheses) and types that an element uses."""
    for node in element.iter_subtrees():
        for token in node.children:
            if not isinstance(token, Token):
                continue
            if node.data == "function" and token.type == "FUNCTION":
                name = token.rstrip("(").split(".")[-1]
                yield from [] if name in _FUNCTIONS else [f"{name}()"]
            elif node.data == "base_type":
                yield from [] if token in _TYPES else [str(token)]
            elif node.data == "string" and token.type == "STRING":
                yield from [] if _MEMBER.search(text[: token.start_pos]) else [str(token)]
    for string in _interpolated(element):
        yield from _used(_expression(string), _declaration(string))


def _interpolated(element: Tree[Token]) -> Iterator[str]:
    """Yield what stands in `${…}` within the strings of an element."""
    for token in element.scan_values(lambda value: isinstance(value, Token)):
        if token.startswith("'") and not token.startswith("'''"):
            yield from _expressions(token)


def _expressions(string: str) -> Iterator[str]:
    start = string.find("${")
    if start < 0:
        return
    depth, end = 1, start + 2
    while depth:
        depth += {"{": 1, "}": -1}.get(string[end], 0)
        end += 1
    yield string[start + 2 : end - 1]
    yield from _expressions(string[end:])


def _declaration(expression: str) -> str:
    return f"var it = {expression}\n"


def _expression(expression: str) -> Tree[Token]:
    element = PARSER.lark_parser.parse(_declaration(expression)).children[0]
    assert isinstance(element, Tree)
    return element
