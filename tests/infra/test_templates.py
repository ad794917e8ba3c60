"""The Bicep templates are Bicep, use only what is declared, and fit each other."""

import json
import re
from dataclasses import replace

import pytest
from lark.exceptions import LarkError

from tests.infra.symbols import undeclared
from tests.infra.templates import INFRA, PARSER, Template, every
from tests.infra.wiring import disagreements

TEMPLATES = every()


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_bicep_that_uses_only_what_it_declares(name: str) -> None:
    assert undeclared(TEMPLATES[name].text) == []


def test_templates_and_their_modules_agree() -> None:
    assert len(TEMPLATES["main.bicep"].modules) > 10
    assert disagreements(TEMPLATES) == []


def test_every_template_is_deployed() -> None:
    used = {file for template in TEMPLATES.values() for file, _ in template.modules.values()}
    roots = {"main.bicep", "events.bicep"}  # by azd, and by subscribe.sh
    assert TEMPLATES.keys() - used == roots


def test_the_parameters_that_azd_gives_are_those_of_the_main_template() -> None:
    given = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]
    assert given.keys() == TEMPLATES["main.bicep"].parameters.keys()


def test_every_parameter_of_the_main_template_is_described() -> None:
    for name, parameter in TEMPLATES["main.bicep"].tree["parameters"].items():
        decorators = {decorator["type"] for decorator in parameter["decorators"]}
        assert "description" in decorators, name


def test_no_parameter_has_a_type_that_the_scanner_breaks_down_on() -> None:
    """Checkov fails on `string[]` and scans nothing after it."""
    for template in TEMPLATES.values():
        assert not re.search(r"^param \w+ \S*\[\]", template.text, re.MULTILINE), template.name


@pytest.mark.parametrize(
    "text",
    [
        "param a string = 'x\n",
        "resource r 'Microsoft.Storage/storageAccounts@2024-01-01' = {\n  name 'x'\n}\n",
        "module m 'x.bicep' = {\n  params: {\n    a: 1\n  }\n",
        "var x = [\n",
        "parm a string\n",
    ],
)
def test_what_is_no_bicep_is_refused(text: str) -> None:
    with pytest.raises(LarkError):
        PARSER.lark_parser.parse(text)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("var a = b\n", ["b"]),
        ("var a = 'x-${b}'\n", ["b"]),
        ("var a = 'x-${toLower('y-${b}')}-${c}'\n", ["c", "b"]),
        ("var a = tolower('x')\n", ["tolower()"]),
        ("var a = {\n  b: c.d\n}\n", ["c"]),
        ("output a string = b ?? c.d\n", ["b", "c"]),
        ("param a strng\n", ["strng"]),
        ("var a = [for b in c: b]\n", ["c"]),
        ("var a = map(['x'], b => c)\n", ["c"]),
        (
            "resource a 'M/x@2024-01-01' = {\n  parent: b\n  dependsOn: [\n    c\n  ]\n}\n",
            ["b", "c"],
        ),
        ("module a 'x.bicep' = if (b) {\n  params: {\n    c: d!.outputs.e\n  }\n}\n", ["b", "d"]),
    ],
)
def test_what_nothing_declares_is_found(text: str, names: list[str]) -> None:
    assert sorted(undeclared(text)) == sorted(names)


@pytest.mark.parametrize(
    "text",
    [
        "param a string\nvar b = toLower(a)\noutput c string = '${a}-${b}'\n",
        "param a array\nvar b = [for (c, at) in a: '${c.name}-${at}']\n",
        "param a object\nvar b = a.?b.c::d\n",
        "param a array\nvar b = filter(a, c => c.d == 'x')\n",
        "func a(b string) string => '${b}-x'\nvar c = a('y')\n",
    ],
)
def test_what_is_declared_is_left_alone(text: str) -> None:
    assert undeclared(text) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("    accountName: dataStorage.outputs.name\n    containerName: 'deadletters'\n",
         "    containerName: 'deadletters'\n",
         "main.bicep: module deadLetters lacks accountName"),
        ("    vaultUrl: vault.outputs.url\n",
         "    vaultUrl: vault.outputs.url\n    colour: 'red'\n",
         "main.bicep: module app has no parameter colour"),
        ("topicId: topic.outputs.id", "topicId: topic.outputs.resourceId",
         "main.bicep: module topic has no output resourceId"),
        ("module workbook 'workbook.bicep'", "module workbook 'workbok.bicep'",
         "main.bicep: module workbook is no file: workbok.bicep"),
    ],
)  # fmt: skip
def test_a_disagreement_is_found(old: str, new: str, problem: str) -> None:
    main = TEMPLATES["main.bicep"]
    assert main.text.count(old) == 1
    spoilt: dict[str, Template] = TEMPLATES | {
        "main.bicep": replace(main, text=main.text.replace(old, new))
    }
    assert disagreements(spoilt) == [problem]
