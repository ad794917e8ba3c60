"""The commands that the documents name exist, with the options that they name."""

import re
import subprocess
import sys
from functools import cache

from tests.docs.pages import PAGES, ROOT, blocks, code, section

TEXTS = [page.read_text() for page in PAGES]
_MAKE = re.compile(r"\bmake ([a-z]+)\b")
_MODULE = re.compile(r"python -m ((?:local|tests\.bench)[\w.]*)((?: [\w./-]+)*)")
_WITH_SUBCOMMANDS = ("local", "tests.bench")


@cache
def help_of(*words: str) -> str:
    command = [sys.executable, "-m", *words, "--help"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - modules of ours
    return answer.stdout


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def subcommands() -> set[str]:
    listed = re.search(r"\{([\w,]+)\}", help_of("local"))
    assert listed
    return set(listed[1].split(","))


def module_commands() -> list[tuple[str, list[str]]]:
    """(module, words behind it) of every command that starts a module of ours."""
    found = [match for text in TEXTS for piece in code(text) for match in _MODULE.findall(piece)]
    assert found
    return [(module, words.split()) for module, words in found]


def test_every_make_target_that_is_named_exists() -> None:
    named = {name for text in TEXTS for piece in code(text) for name in _MAKE.findall(piece)}
    assert {"demo", "test", "start", "stop"} <= named <= targets()


def test_the_subcommands_of_the_local_stack_are_those_that_are_documented() -> None:
    named = {words[0] for module, words in module_commands() if module == "local" and words}
    assert named == subcommands()


def test_every_option_that_is_named_with_a_command_exists() -> None:
    checked = 0
    for module, words in module_commands():
        command = (module, words[0]) if module in _WITH_SUBCOMMANDS and words else (module,)
        for option in {word for word in words if word.startswith("--")}:
            assert option in help_of(*command), (command, option)
            checked += 1
    assert checked


def test_the_options_of_the_functions_host_that_are_named_alone_exist() -> None:
    hosts = section((ROOT / "docs/local-stack.md").read_text(), "## Several functions hosts")
    named = {piece for piece in code(hosts) if re.fullmatch(r"--[a-z-]+", piece)}
    assert named
    assert [option for option in named if option not in help_of("local.host")] == []


def test_every_shell_command_is_a_make_target_or_is_run_by_a_test() -> None:
    run = section((ROOT / "README.md").read_text(), "### A walk through the API")
    run += section(
        (ROOT / "docs/local-stack.md").read_text(), "## Settings of the Mailchimp sandbox"
    )
    left = [block for text in TEXTS for block in blocks(text, "bash") if block not in run]
    assert [block for block in left if not re.fullmatch(r"(make [a-z]+\n)+", block)] == []
