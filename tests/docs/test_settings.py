"""docs/settings.md names every setting, with the default that the code has."""

import json
import re

from pydantic_settings import BaseSettings

from shared.domain.connection import TERMS_VERSION
from shared.settings import Settings, StorageAccount
from tests.docs.pages import ROOT, rows, section

PAGE = (ROOT / "docs/settings.md").read_text()

# Those that give others their settings as arguments.
HANDING_ON = ("shared/bootstrap.py", "shared/destinations/registry.py", "functions/http.py")


def defaults(model: type[BaseSettings]) -> dict[str, str]:
    """The settings that a model reads, by the name of their variable, as the page writes defaults."""
    found = {}
    for name, field in model.model_fields.items():
        variable = str(field.validation_alias or name.upper())
        default = "required" if field.is_required() else field.get_default()
        text = str(default).lower() if isinstance(default, bool) else str(default)
        found[variable] = "" if default is None else text or "empty"
    return found


def members() -> dict[str, str]:
    """The member of a model that holds each setting, by the name of its variable."""
    return {
        str(field.validation_alias or name.upper()): name
        for model in (StorageAccount, Settings)
        for name, field in model.model_fields.items()
    }


def reads(file: str, member: str) -> bool:
    """Say whether a file names a setting, or is imported by one that hands the setting on to it."""
    module = file.removesuffix(".py").replace("/", ".")
    handing = [text for text in map(read, HANDING_ON) if f"from {module} import" in text]
    return any(re.search(rf"\b{member}\b", text) for text in (read(file), *handing))


def read(file: str) -> str:
    return (ROOT / file).read_text()


def documented(heading: str) -> dict[str, list[str]]:
    return {row[0].strip("`"): row[1:] for row in rows(section(PAGE, heading))}


def test_the_table_names_every_setting_of_the_app_with_its_default() -> None:
    expected = defaults(StorageAccount) | defaults(Settings)
    # It is the group of the others, not a variable; a secret never shows its value.
    del expected["STORAGE"]
    expected["MAILCHIMP_CLIENT_SECRET"] = "empty"
    table = {name: row[2].strip("`") for name, row in documented("## The app").items()}
    assert table == expected


def test_every_setting_says_which_file_reads_it() -> None:
    for name, row in documented("## The app").items():
        file = row[3].split(",")[0].strip("`")
        assert (ROOT / file).is_file(), name
        assert reads(file, members()[name]), f"{file} reads no {name}"


def test_a_file_that_is_given_no_setting_does_not_read_it() -> None:
    assert reads("shared/runs/slice.py", "slice_seconds")
    assert not reads("shared/runs/worker.py", "slice_seconds")


def test_the_table_of_host_json_names_what_stands_there() -> None:
    host = json.loads((ROOT / "host.json").read_text())
    for name in documented("## host.json"):
        value = host
        for step in name.split("."):
            assert step in value, name
            value = value[step]


def test_the_terms_are_the_version_that_consent_is_given_to() -> None:
    terms = (ROOT / "docs/terms.md").read_text()
    assert f"**Version {TERMS_VERSION}.**" in terms
