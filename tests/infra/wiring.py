"""Finds what templates and their modules do not agree on."""

from collections.abc import Iterator, Mapping

from tests.infra.templates import Template


def disagreements(templates: Mapping[str, Template]) -> list[str]:
    """Return what is wrong between templates and the modules that they use."""
    return [problem for template in templates.values() for problem in _of(template, templates)]


def _of(template: Template, templates: Mapping[str, Template]) -> Iterator[str]:
    for name, (file, given) in template.modules.items():
        where = f"{template.name}: module {name}"
        if (module := templates.get(file)) is None:
            yield f"{where} is no file: {file}"
            continue
        required = {parameter for parameter, must in module.parameters.items() if must}
        for parameter in sorted(required - given.keys()):
            yield f"{where} lacks {parameter}"
        for parameter in sorted(given.keys() - module.parameters.keys()):
            yield f"{where} has no parameter {parameter}"
        for output in sorted(template.outputs_used_of(name) - module.outputs):
            yield f"{where} has no output {output}"
