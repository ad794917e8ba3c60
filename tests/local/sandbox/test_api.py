"""Reading: credentials, accounts, audiences, merge fields."""

import base64

import httpx
import pytest

from local.sandbox.mailchimp.state import Sandbox


@pytest.mark.parametrize("scheme", ["Bearer", "OAuth", "Basic"])
async def test_an_api_key_works_in_each_scheme(
    api: httpx.AsyncClient, sandbox: Sandbox, scheme: str
) -> None:
    key = sandbox.accounts[1].api_key
    if scheme == "Basic":
        key = base64.b64encode(f"anybody:{key}".encode()).decode()
    answer = await api.get("/3.0/ping", headers={"Authorization": f"{scheme} {key}"})
    assert answer.json() == {"health_status": "Everything's Chimpy!"}


@pytest.mark.parametrize(
    ("header", "title"),
    [
        ("", "API Key Missing"),
        ("Bearer made-up", "API Key Invalid"),
        ("Basic !", "API Key Invalid"),
        ("Digest made-up", "API Key Invalid"),
    ],
)
async def test_without_a_known_credential_nothing_is_told(
    api: httpx.AsyncClient, header: str, title: str
) -> None:
    answer = await api.get("/3.0/lists", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json; charset=utf-8"
    problem = answer.json()
    assert problem["title"] == title
    assert problem["status"] == 401
    assert problem["instance"] == answer.headers["X-Request-Id"]


async def test_the_host_names_the_data_centre(api: httpx.AsyncClient) -> None:
    assert (await api.get("https://us1.api.mailchimp.com/3.0/ping")).status_code == 200
    wrong = await api.get("https://us2.api.mailchimp.com/3.0/ping")
    assert wrong.status_code == 403
    assert wrong.json()["detail"].endswith("linked to datacenter 'us1'")


async def test_the_root_tells_whose_account_it_is(api: httpx.AsyncClient) -> None:
    answer = await api.get("/3.0/", params={"fields": "account_name,email,role"})
    assert answer.json() == {
        "account_name": "Sandbox account 1",
        "email": "owner1@example.com",
        "role": "owner",
    }


async def test_lists_come_in_pages(api: httpx.AsyncClient) -> None:
    for number in range(12):
        await api.post("/sandbox/accounts/1/audiences", json={"name": f"List {number}"})

    first = (await api.get("/3.0/lists")).json()
    assert first["total_items"] == 14
    assert [one["name"] for one in first["lists"]][:2] == ["Newsletter", "Members (double opt-in)"]
    rest = (await api.get("/3.0/lists", params={"offset": 10, "count": 1000})).json()
    assert len(first["lists"]) == 10
    assert [one["name"] for one in rest["lists"]] == [f"List {number}" for number in range(8, 12)]


@pytest.mark.parametrize("page", [{"count": "1001"}, {"count": "-1"}, {"offset": "x"}])
async def test_a_page_out_of_bounds_is_refused(
    api: httpx.AsyncClient, page: dict[str, str]
) -> None:
    answer = await api.get("/3.0/lists", params=page)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] in page


async def test_fields_reach_into_objects_and_arrays(
    api: httpx.AsyncClient, newsletter: str
) -> None:
    one = await api.get(newsletter, params={"fields": "id,double_optin,stats.member_count"})
    assert one.json() == {
        "id": newsletter.rpartition("/")[2],
        "double_optin": False,
        "stats": {"member_count": 0},
    }
    many = await api.get("/3.0/lists", params={"fields": "lists.name,lists.double_optin"})
    assert many.json() == {
        "lists": [
            {"name": "Newsletter", "double_optin": False},
            {"name": "Members (double opt-in)", "double_optin": True},
        ]
    }
    without = await api.get(newsletter, params={"exclude_fields": "stats.member_count,_links"})
    assert "_links" not in without.json()
    assert "member_count" not in without.json()["stats"]
    assert "total_contacts" in without.json()["stats"]


async def test_merge_fields_are_those_of_a_new_audience(
    api: httpx.AsyncClient, newsletter: str
) -> None:
    answer = (await api.get(f"{newsletter}/merge-fields", params={"count": 1000})).json()
    assert {(one["tag"], one["type"]) for one in answer["merge_fields"]} == {
        ("FNAME", "text"),
        ("LNAME", "text"),
        ("PHONE", "phone"),
        ("ADDRESS", "address"),
    }
    assert answer["total_items"] == 4


async def test_audience_ids_are_ten_hexadecimal_digits_and_stay_within_their_account(
    api: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    of_another = next(iter(sandbox.accounts[2].audiences))
    assert len(of_another) == 10
    assert int(of_another, 16) > 0
    assert (await api.get(f"/3.0/lists/{of_another}")).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/3.0/lists/0123456789", 404),
        ("POST", "/3.0/lists/0123456789", 404),
        ("GET", "/3.0/campaigns", 404),
        ("GET", "/3.0", 200),
        ("DELETE", "/3.0/ping", 405),
    ],
)
async def test_what_is_not_there_gets_a_problem_document(
    api: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await api.request(method, path)
    assert answer.status_code == status
    assert answer.json().get("status", 200) == status


async def test_only_the_api_lives_under_a_data_centre(api: httpx.AsyncClient) -> None:
    assert (await api.get("/us1/3.0/ping")).status_code == 200
    assert (await api.get("/us1/sandbox")).status_code == 404
    assert (await api.get("/2.0/ping")).status_code == 404
