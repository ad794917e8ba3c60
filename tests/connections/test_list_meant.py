"""The list that somebody means is found by whatever people paste, and nothing else is."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.connections.lookups import list_meant
from shared.destinations.contract import Destination
from shared.domain.errors import Culprit, NeedsAttention
from shared.domain.message import say
from tests.destinations.activecampaign.sandboxed import ACTIVECAMPAIGN
from tests.destinations.constant_contact.sandboxed import CONSTANT_CONTACT
from tests.destinations.says import MAILCHIMP, Says

UUID = "06526938-56dd-11e9-932a-fa163ea075fa"
OTHER_UUID = "16526938-56dd-11e9-932a-fa163ea075fb"


@dataclass
class Lists(Says):
    """An account with lists, as the vendor's API tells of them; `asked` are the paths."""

    collection: str
    items: Mapping[str, dict[str, Any]]  # by id
    asked: list[tuple[str, Any]] = field(default_factory=list)

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Return a list, or all of them; raise NeedsAttention(LIST)."""
        self.asked.append((path, params))
        if path == f"/{self.collection}":
            return {"lists": list(self.items.values())}
        key = path.removeprefix(f"/{self.collection}/")
        if key not in self.items:
            raise NeedsAttention(Culprit.LIST, say("There is no such list."))
        return {"list": self.items[key], **self.items[key]}


def account(destination: Destination) -> Lists:
    """Return an account of this vendor's."""
    match destination.name:
        case "mailchimp":
            lists = {"1b724bb934": 314159, "9f1c2d3e4a": 271828}
            items = {
                key: {"id": key, "web_id": web, "name": key, "double_optin": False}
                for key, web in lists.items()
            }
            return Lists("lists", items)
        case "activecampaign":
            return Lists("lists", {key: {"id": key, "name": key} for key in ("1", "2", "20")})
        case _:
            items = {
                key: {"list_id": key, "name": key, "deleted_at": None} for key in (UUID, OTHER_UUID)
            }
            return Lists("contact_lists", items)


@pytest.mark.parametrize(
    ("destination", "pasted", "found"),
    [
        (MAILCHIMP, "1b724bb934", "1b724bb934"),
        (MAILCHIMP, " \u00a01b724bb934\n", "1b724bb934"),
        (MAILCHIMP, "1B724BB934", "1b724bb934"),
        (MAILCHIMP, "314159", "1b724bb934"),
        (MAILCHIMP, "https://us1.admin.mailchimp.com/lists/settings?id=314159", "1b724bb934"),
        (MAILCHIMP, "us1.admin.mailchimp.com/lists/settings/?id=271828#x", "9f1c2d3e4a"),
        (MAILCHIMP, "https://x.us1.list-manage.com/subscribe?u=0a&id=9f1c2d3e4a", "9f1c2d3e4a"),
        (ACTIVECAMPAIGN, "2", "2"),
        (ACTIVECAMPAIGN, " 2 ", "2"),
        (ACTIVECAMPAIGN, "https://a.activehosted.com/app/contacts/?listid=2&status=1", "2"),
        (ACTIVECAMPAIGN, "https://a.activehosted.com/app/contacts?page=1&listid=20", "20"),
        (ACTIVECAMPAIGN, "https://a.api-us1.com/api/3/lists/2", "2"),
        (CONSTANT_CONTACT, UUID, UUID),
        (CONSTANT_CONTACT, f" {UUID.upper()} ", UUID),
        (CONSTANT_CONTACT, f"https://app.constantcontact.com/pages/ui#contacts/{UUID}", UUID),
        (CONSTANT_CONTACT, f"https://app.constantcontact.com/lists?list={UUID}&p=1", UUID),
    ],
    ids=lambda each: getattr(each, "name", None),
)
async def test_a_list_is_found_by_what_people_paste(
    destination: Destination, pasted: str, found: str
) -> None:
    assert (await list_meant(destination, account(destination), pasted)).id == found


@pytest.mark.parametrize(
    ("destination", "pasted", "help_"),
    [
        (MAILCHIMP, "0000000000", "looks like 1b724bb934"),
        (MAILCHIMP, "31415", "looks like 1b724bb934"),
        (MAILCHIMP, "https://us1.admin.mailchimp.com/lists/", "looks like 1b724bb934"),
        (MAILCHIMP, "https://a.test/?from=314159&to=271828", "looks like 1b724bb934"),
        (ACTIVECAMPAIGN, "3", "behind listid="),
        (ACTIVECAMPAIGN, "Newsletter", "behind listid="),
        (ACTIVECAMPAIGN, "https://a.activehosted.com/app/contacts/?status=1", "behind listid="),
        (ACTIVECAMPAIGN, "https://a.activehosted.com/app/campaigns/2", "behind listid="),
        (ACTIVECAMPAIGN, "https://a.activehosted.com/app/contacts/?listid=200", "behind listid="),
        (CONSTANT_CONTACT, OTHER_UUID[:-1], "looks like 06526938-"),
        (CONSTANT_CONTACT, "https://app.constantcontact.com/lists", "looks like 06526938-"),
    ],
    ids=lambda each: getattr(each, "name", None),
)
async def test_what_is_no_list_is_refused_with_what_an_id_looks_like(
    destination: Destination, pasted: str, help_: str
) -> None:
    with pytest.raises(NeedsAttention) as refused:
        await list_meant(destination, account(destination), pasted)
    assert refused.value.culprit is Culprit.LIST
    assert help_ in str(refused.value)
    assert str(refused.value).startswith(f"{destination.title} has no such list. ")
    assert pasted not in str(refused.value)


async def test_an_id_as_it_is_takes_one_question() -> None:
    there = account(MAILCHIMP)
    await list_meant(MAILCHIMP, there, "1b724bb934")
    assert [path for path, _ in there.asked] == ["/lists/1b724bb934"]


async def test_an_address_is_never_asked_for() -> None:
    there = account(MAILCHIMP)
    await list_meant(MAILCHIMP, there, "https://evil.example/../lists/1b724bb934")
    assert [path for path, _ in there.asked] == ["/lists"]


@given(st.text(max_size=30), st.sampled_from([MAILCHIMP, ACTIVECAMPAIGN, CONSTANT_CONTACT]))
async def test_any_text_is_a_list_of_the_account_or_refused(
    text: str, destination: Destination
) -> None:
    there = account(destination)
    found = None
    with suppress(NeedsAttention):
        found = await list_meant(destination, there, text)
    assert found is None or found.id in there.items


PASTED: Mapping[str, tuple[Destination, Sequence[str]]] = {
    "1b724bb934": (
        MAILCHIMP,
        ("{}", "314159", "https://us1.admin.mailchimp.com/lists/members?id=314159"),
    ),
    "20": (ACTIVECAMPAIGN, ("{}", "https://acme.activehosted.com/app/contacts?listid={}")),
    UUID: (CONSTANT_CONTACT, ("{}", "https://app.constantcontact.com/pages/contacts/ui#lists/{}")),
}


@given(st.sampled_from(sorted(PASTED)), st.data(), st.text(" \t\n\u00a0\u200b\ufeff", max_size=3))
async def test_an_id_is_found_in_what_people_paste_of_it(
    key: str, data: st.DataObject, around: str
) -> None:
    destination, forms = PASTED[key]
    pasted = data.draw(st.sampled_from(forms)).format(key)
    found = await list_meant(destination, account(destination), around + pasted + around)
    assert found.id == key
