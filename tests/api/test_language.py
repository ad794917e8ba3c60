"""Answers in the language of whoever asks."""

import asyncio
import csv
import io
import logging
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.datastructures import Headers

from shared.api.field_problems import field_problem
from shared.api.middleware.language import accepted
from shared.domain.message import say
from shared.domain.outcomes import Outcome, Reject
from shared.domain.people import Language
from shared.domain.run import Run, RunStatus
from shared.runs.ending import abort, load_for_ending
from shared.runs.state.context import RunContext, load_context
from shared.storage.entries import SettingsTable
from shared.storage.ports import Unavailable
from tests.api.office import Office, choices
from tests.api.test_runs import with_rejects

SV = {"Accept-Language": "sv-SE,sv;q=0.9,en;q=0.5"}
FR = {"Accept-Language": "fr-CA"}


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("sv", "sv"),
        ("sv-SE", "sv"),
        ("FR-ca", "fr"),
        ("de, fr;q=0.3, sv;q=0.8", "sv"),
        ("de-AT, nl", "en"),
        ("sv;q=0", "en"),
        ("sv;q=0.1, fr;q=0.9, en;q=0.5", "fr"),
        ("en, sv", "en"),
        ("fr ; q=0.5 , sv ; q=1", "sv"),
        ("*", "en"),
        ("de, *;q=0.5, sv;q=0.1", "en"),
        ("sv;q=loud, fr", "fr"),
        ("svenska, francais", "en"),
        (";;;,,q=1", "en"),
        ("zh-Hant-TW, fr-Latn-FR;q=0.25", "fr"),
    ],
)
def test_the_best_of_our_languages_is_spoken(header: str, language: str) -> None:
    assert accepted(Headers({"Accept-Language": header})) == language


def test_no_header_is_english_and_several_are_one() -> None:
    assert accepted(Headers({})) is Language.ENGLISH
    several = Headers(raw=[(b"accept-language", b"de;q=0.9"), (b"accept-language", b"fr;q=0.8")])
    assert accepted(several) is Language.FRENCH


@pytest.mark.parametrize(
    ("headers", "language", "title", "detail"),
    [
        ({}, "en", "There is no such thing", "There is no such export."),
        (SV, "sv", "Det finns inte", "Det finns ingen sådan export."),
        (FR, "fr", "Introuvable", "Cette exportation n’existe pas."),
    ],
)
async def test_a_problem_is_in_the_readers_language_and_its_type_is_the_same(
    office: Office, headers: dict[str, str], language: str, title: str, detail: str
) -> None:
    answer = await office.ask("GET", "/exports/unknown", headers=headers)
    said = answer.json()
    assert (said["type"], said["title"], said["detail"]) == (
        "/api/problems/not-found",
        title,
        detail,
    )
    explained = await office.http.get(said["type"], headers=headers)
    assert explained.json()["title"] == title
    for each in (answer, explained):
        assert each.headers["Content-Language"] == language
        assert each.headers["Vary"] == "Accept-Language"


async def test_a_success_says_its_language_too(office: Office) -> None:
    answer = await office.ask("GET", "/exports", headers=SV)
    assert answer.headers["Content-Language"] == "sv"
    assert answer.headers["Vary"] == "Accept-Language"


async def test_who_is_not_signed_in_is_answered_by_the_header(office: Office) -> None:
    answer = await office.ask("GET", "/me", role=None, headers=SV)
    assert answer.status_code == 401
    assert answer.json()["title"] == "En giltig åtkomsttoken krävs"
    assert answer.json()["detail"].startswith("Skicka en åtkomsttoken")


@pytest.mark.parametrize("path", ["/api/docs", "/api/openapi.json"])
async def test_what_programmers_read_is_english(office: Office, path: str) -> None:
    answer = await office.http.get(path, headers=SV)
    assert answer.headers["Content-Language"] == "en"


async def test_a_saved_language_wins_over_the_header_until_it_is_forgotten(office: Office) -> None:
    assert (await office.done("GET", "/me"))["language"] is None
    answer = await office.ask("PATCH", "/me", {"language": "fr"}, headers=SV)
    assert answer.json()["language"] == "fr"
    assert answer.headers["Content-Language"] == "fr"

    there = await office.ask("GET", "/me", headers=SV)
    assert (there.json()["language"], there.headers["Content-Language"]) == ("fr", "fr")
    assert (await unknown(office)) == "Cette exportation n’existe pas."
    assert (await unknown(office, role="viewer")) == "Det finns ingen sådan export."

    answer = await office.ask("PATCH", "/me", {"language": None}, headers=SV)
    assert answer.json()["language"] is None
    assert (await unknown(office)) == "Det finns ingen sådan export."


async def unknown(office: Office, role: str = "administrator") -> str:
    """Return what somebody is told of an export that is not there."""
    answer = await office.ask("GET", "/exports/unknown", role=role, headers=SV)
    return str(answer.json()["detail"])


@pytest.mark.parametrize("body", [{}, {"language": "de"}, {"language": ""}, {"lang": "sv"}, []])
async def test_no_other_language_can_be_saved(office: Office, body: Any) -> None:
    assert (await office.ask("PATCH", "/me", body)).status_code == 422
    assert not await office.services.storage.preferences.page(SettingsTable.PREFERENCES)


async def test_a_preference_is_kept_under_no_readable_id(office: Office) -> None:
    person = await office.done("PATCH", "/me", {"language": "sv"})
    [kept] = await office.services.storage.preferences.page(SettingsTable.PREFERENCES)
    assert kept.value.language is Language.SWEDISH
    assert person["id"] not in kept.key


async def test_preferences_that_cannot_be_read_keep_nobody_out(office: Office) -> None:
    class Down:
        async def get(self, *_: object) -> None:
            raise Unavailable("the table settings")

    down: Any = Down()
    storage = replace(office.services.storage, preferences=down)
    office.services = replace(office.services, storage=storage)
    answer = await office.ask("GET", "/exports", headers=SV)
    assert (answer.status_code, answer.headers["Content-Language"]) == (200, "sv")


async def test_wrong_fields_are_explained_in_the_readers_language(office: Office) -> None:
    body = {"destination": "mailchimp", "display_name": "x" * 101, "shared_with": "all", "more": 1}
    answer = await office.ask("POST", "/connections", body, headers=SV)
    assert {each["pointer"]: each["detail"] for each in answer.json()["errors"]} == {
        "/display_name": "Detta får ha högst 100 tecken.",
        "/shared_with": "Detta måste vara något av: administrators, contributors.",
        "/more": "Det finns ingen sådan egenskap här.",
    }
    answer = await office.ask("GET", "/exports?limit=0", headers=FR)
    assert answer.json()["errors"] == [
        {"parameter": "limit", "detail": "La valeur doit être au moins 1."}
    ]


async def test_rules_of_our_own_are_explained_in_the_readers_language(office: Office) -> None:
    answer = await office.ask("PUT", "/refresh-schedule", {"time_zone": "Mars"}, headers=FR)
    assert answer.json()["errors"] == [
        {
            "pointer": "/time_zone",
            "detail": "Ce n’est pas un fuseau horaire IANA\u00a0; un tel fuseau ressemble à "
            "Europe/Stockholm.",
        }
    ]


def test_what_pydantic_may_find_one_day_is_explained_in_general() -> None:
    error = {"type": "of_another_day", "loc": ("body", "a/b", 2), "msg": "Hush", "ctx": {"x": "y"}}
    said = field_problem(error)
    assert (said.pointer, said.detail) == ("/a~1b/2", "This value cannot be used.")


# Bodies and queries that are wrong in every way that the models of requests know.
WRONG: list[tuple[str, str, Any]] = [
    ("POST", "/connections", {"destination": "", "display_name": "\u0000"}),
    ("POST", "/connections", {"destination": 7, "display_name": ""}),
    ("POST", "/connections", [1]),
    ("POST", "/connections/x/consent", {"accepted": False, "terms_version": "x"}),
    ("POST", "/connections/x/connect", {"host": "a", "secret_name": "no such name"}),
    ("POST", "/exports", {}),
    ("POST", "/exports", choices("x", segments=[], fields=[], options=["x"] * 51, on_arrival="?")),
    ("POST", "/exports", choices("x", segments="all", fields={"email": ""}, on_refresh={})),
    ("PUT", "/refresh-schedule", {"times": ["noon", 7, "06:30+01:00"], "days": ["x"]}),
    ("PUT", "/refresh-schedule", {"times": ["06:00"] * 5, "time_zone": "x"}),
    ("PATCH", "/me", {"language": "de"}),
    ("GET", "/exports?limit=many", None),
    ("GET", "/exports?limit=1000", None),
]


@pytest.mark.parametrize(("method", "path", "body"), WRONG)
async def test_everything_that_a_request_can_have_wrong_has_words_of_ours(
    office: Office, method: str, path: str, body: Any
) -> None:
    english = (await office.ask(method, path, body)).json()["errors"]
    swedish = (await office.ask(method, path, body, headers=SV)).json()["errors"]
    assert len(english) == len(swedish) > 0
    for ours, theirs in zip(english, swedish, strict=True):
        assert ours["detail"] != theirs["detail"]
        assert ours["detail"] != "This value cannot be used."
        assert ours.get("pointer") == theirs.get("pointer")


async def test_a_runs_reason_and_timeline_are_read_in_every_language(office: Office) -> None:
    run = await failed(office)
    said = {}
    for headers in ({}, SV, FR):
        shown = await office.done("GET", f"/runs/{run}", headers=headers)
        last = (await office.done("GET", "/exports", headers=headers))["items"][0]["last_run"]
        assert shown["reason"] == last["reason"] == shown["timeline"][-1]["text"]
        said[shown["timeline"][0]["text"]] = shown["reason"]
    assert said == {
        "Asked for on demand.": "Given up after 1,234 tries in a row. Acme said: Nope.",
        "Startad på begäran.": "Uppgivet efter 1\u00a0234 försök i rad. Acme said: Nope.",
        "Exécution à la demande.": "Abandon après 1\u202f234 tentatives de suite. Acme said: Nope.",
    }


async def failed(office: Office) -> str:
    """Let a run fail for good; return its id."""
    key = await office.export(await office.ready())
    run = str((await office.done("POST", f"/exports/{key}/run", {}))["id"])
    begun = await load_for_ending(office.services, run)
    assert begun is not None
    context = await load_context(office.services.storage, begun.value)
    assert isinstance(context, RunContext)
    why = say("Given up after {tries} tries in a row. {why}", tries=1234, why="Acme said: Nope.")
    await abort(office.services, context, begun, RunStatus.FAILED_PERMANENT, why)
    return run


async def test_a_connections_reason_is_in_the_readers_language(office: Office) -> None:
    key = await office.ready()
    office.accounts.revoke()
    checked = await office.done("POST", f"/connections/{key}/check", headers=SV)
    assert checked["reason"] == "Mailchimp godtar inte längre inloggningen (401). Logga in igen."
    shown = await office.done("GET", f"/connections/{key}", headers=FR)
    assert shown["reason"].startswith("Mailchimp n’accepte plus l’authentification (401).")
    answer = await office.ask("POST", "/exports", choices(key), headers=SV)
    assert answer.json()["errors"] == []
    assert answer.json()["detail"].startswith("Anslutningen Our Mailchimp kräver inloggning: Mail")


async def test_fields_of_ours_have_titles_in_the_readers_language(office: Office) -> None:
    key = await office.ready()
    shown = (await office.done("GET", "/destinations", headers=SV))["items"][0]["fields"]
    assert [field["title"] for field in shown] == ["E-post", "Förnamn", "Efternamn"]
    fields = (await office.done("GET", f"/connections/{key}/fields?list_id=a1", headers=FR))[
        "items"
    ]
    titles = {field["name"]: field["title"] for field in fields}
    assert (titles["email"], titles["first_name"]) == ("E-mail", "Prénom")
    english = (await office.done("GET", f"/connections/{key}/fields?list_id=a1"))["items"]
    own = {
        field["name"]: field["title"] for field in english if field["name"] in ("BIRTHDAY", "SIZE")
    }
    assert own == {name: titles[name] for name in own}  # what the account calls a field stays


async def test_rejects_say_our_reasons_in_the_readers_language_and_theirs_as_they_are(
    office: Office,
) -> None:
    duplicate = say(
        "The same address as row {row} of {segment}, which counts.", row="2", segment="A"
    )
    run = await with_rejects(
        office,
        Reject("A", 3, "ana@example.com", Outcome.DUPLICATE, "duplicate", duplicate),
        Reject("A", 4, "bo@example.com", Outcome.REFUSED, "no", "This is no email address."),
    )
    assert await reasons(office, run, {}) == [
        "The same address as row 2 of A, which counts.",
        "This is no email address.",
    ]
    assert await reasons(office, run, SV) == [
        "Samma adress som rad 2 i A, som gäller.",
        "This is no email address.",
    ]


async def reasons(office: Office, run: Run, headers: dict[str, str]) -> list[str]:
    """Return the reasons of a run's rejects."""
    answer = await office.ask("GET", f"/runs/{run.id}/rejects.csv", headers=headers)
    text = io.StringIO(answer.content.decode("utf-8-sig"), newline="")
    separator = ";" if headers else ","
    return [row["reason"] for row in csv.DictReader(text, delimiter=separator)]


async def test_the_pages_at_the_end_of_a_sign_in_are_in_the_browsers_language(
    office: Office,
) -> None:
    done = await office.http.get("/api/v1/oauth/done", headers=FR)
    assert '<html lang="fr">' in done.text
    assert "Le compte est connecté." in done.text
    lost = await office.http.get("/api/v1/oauth/callback", headers=SV)
    assert (lost.status_code, '<html lang="sv">' in lost.text) == (400, True)
    assert "Inloggningen är okänd" in lost.text
    assert "Börja om med Anslut." in lost.text


async def test_the_log_is_english_and_has_the_id_of_the_problem_in_one_line(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    office.issuer.down = True
    answer = await office.ask("GET", "/exports", headers=SV)
    assert answer.json()["detail"] == "Identitetsleverantören kunde inte nås."
    lines = [
        record.getMessage()
        for record in caplog.records
        if answer.json()["id"] in record.getMessage()
    ]
    assert any("The identity provider could not be reached." in line for line in lines)
    assert any(line.endswith("503 try-later") for line in lines)
    assert "Identitets" not in caplog.text


async def test_requests_at_once_do_not_speak_each_others_language(office: Office) -> None:
    async def one(headers: dict[str, str]) -> httpx.Response:
        return await office.ask("GET", "/exports/unknown", headers=headers)

    answers = await asyncio.gather(*(one(headers) for headers in (SV, FR, {}) * 10))
    assert [each.headers["Content-Language"] for each in answers] == ["sv", "fr", "en"] * 10
    assert len({each.json()["detail"] for each in answers}) == 3
