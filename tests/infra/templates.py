"""Bicep templates, read by a real parser: what each declares, uses and hands to others."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pycep import BicepParser

INFRA = Path(__file__).parents[2] / "infra"
PARSER = BicepParser()
"""Raises an exception of `lark` that names line and column for what is no Bicep."""


@dataclass(frozen=True)
class Template:
    """One Bicep file."""

    name: str
    text: str

    @cached_property
    def tree(self) -> dict[str, Any]:
        """The file as the parser's dictionaries. Symbols and strings look the same in it."""
        return dict(PARSER.parse(text=self.text))

    @property
    def parameters(self) -> dict[str, bool]:
        """Its parameters, and whether each must be given (a default of null counts as none)."""
        declared = self.tree.get("parameters", {})
        return {name: parameter["default"] is None for name, parameter in declared.items()}

    @property
    def outputs(self) -> set[str]:
        """What it gives to whoever deploys it."""
        return set(self.tree.get("outputs", {}))

    @property
    def modules(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """The file and the given parameters of each module."""
        return {
            name: (module["detail"]["full"], plain(module["config"]).get("params", {}))
            for name, module in self.tree.get("modules", {}).items()
        }

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The properties of each resource that it creates or changes, with its type."""
        return {
            name: {"type": resource["type"], **plain(resource["config"])}
            for name, resource in self.tree.get("resources", {}).items()
            if not resource["existing"]
        }

    def outputs_used_of(self, module: str) -> set[str]:
        """Return which outputs of one of its modules it reads."""
        return set(re.findall(rf"\b{module}!?\.\??outputs\.\??(\w+)", self.text))


def plain(config: dict[str, Any]) -> dict[str, Any]:
    """Return a resource or module without the loop or condition around it."""
    while "config" in config:
        config = config["config"]
    return config


def read(file: Path) -> Template:
    """Return a file, not parsed yet."""
    return Template(file.name, file.read_text())


def every() -> dict[str, Template]:
    """Return the project's templates by file name."""
    return {file.name: read(file) for file in sorted(INFRA.glob("*.bicep"))}
