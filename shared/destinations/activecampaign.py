"""ActiveCampaign: imports profiles into one list, and updates those that are there.

Facts and their sources (API v3, its description of August 2026 and the reference pages):
- `POST /import/bulk_import` queues up to 250 contacts in at most 399,999 bytes; fewer than 10 are
  discouraged, and a request of one contact counts for five: 100 imports a minute, 20 of one contact.
- An import never subscribes somebody to a list that they left; such an address is in `failure`.
- One bad contact refuses the whole request with a 400 whose `failureReasons` name contacts by number.
  Whether the first is 0 or 1 is written nowhere, so it is found out. Exceeding the rate is a 400, too.
- `GET /import/info` tells what became of an import: addresses that failed, without a reason. Reasons
  come only with a callback, whose shape is written nowhere.
- 5 requests a second are counted by account. A wrong key is answered with a 403 or with a web page.
- An empty text overwrites what is stored, and optional fields that are not sent stay.
"""

import asyncio
import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

import httpx
import orjson

from shared.destinations.answers import ended, making_sense, no_list
from shared.destinations.protocol import (
    Api,
    Batch,
    Credentials,
    Encoder,
    Field,
    Finished,
    JobFiles,
    Kind,
    Limits,
    ListInfo,
    Option,
    Rate,
    Sent,
    Target,
    Unsure,
)
from shared.destinations.titles import EMAIL, FIRST_NAME, LAST_NAME, PHONE
from shared.destinations.values import SEPARATOR, Values
from shared.domain.clock import Clock, SystemClock
from shared.domain.connection import Account
from shared.domain.email import normal_form
from shared.domain.errors import (
    BatchRefused,
    Culprit,
    Halt,
    Invalid,
    Limited,
    NeedsAttention,
    TryLater,
)
from shared.domain.message import Message, say, say_count
from shared.domain.outcomes import Outcome, RowOutcome
from shared.domain.run import Job

_TITLE = "ActiveCampaign"
_HOST = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}")
_KEY = re.compile(r"[\x21-\x7e]{8,512}")
_LIST_ID = re.compile(r"[0-9]{1,18}")
_BATCH_ID = re.compile(r"[0-9A-Za-z-]{1,64}")

_BODY_BYTES = 399_999
_ENVELOPE_BYTES = 2_000  # the callback and the brackets
_LONGEST = 255  # of a text; no length is published
_PAGE = 100
_ALONE = 5  # imports that one of a single contact counts for
_A_MINUTE = 60.0
_BUSY_SECONDS = 30.0
_REPORT_WITHIN = timedelta(seconds=60)  # of an import's request

_OWN = "field:"
_KINDS = {
    "text": Kind.TEXT,
    "textarea": Kind.TEXT,
    "hidden": Kind.TEXT,
    "date": Kind.DATE,
    "datetime": Kind.DATE,
    "number": Kind.NUMBER,
    "currency": Kind.NUMBER,
    "dropdown": Kind.CHOICE,
    "radio": Kind.CHOICE,
    "checkbox": Kind.CHOICES,
    "listbox": Kind.CHOICES,
    "multiselect": Kind.CHOICES,
}
_UNDER_WAY = (False, "waiting", "claimed", "active")
_DID_NOTHING = ("failed", "interrupted")
_SAID_NO = ("unsubscribed", "exclu", "bounced", "opted out", "suppress")
_NO_REASON = say(
    "{destination} did not import it and gave no reason. The person may have left the list, or the "
    "address bounced, is excluded or is invalid.",
    destination=_TITLE,
)


class _Refusal(BatchRefused):
    """A request that was refused for some of its contacts, by their numbers in it."""

    def __init__(self, text: Message, named: Sequence[tuple[int, str]]) -> None:
        super().__init__("invalid_contact", text)
        self.named = named


@dataclass(frozen=True)
class ActiveCampaign:
    """The ActiveCampaign destination; the address is a setting so that a stand-in can take its place."""

    url: str  # holds {host}, the account's own
    host_suffixes: Sequence[str]
    expects_reports: bool = False  # whether ActiveCampaign can reach us
    clock: Clock = field(default_factory=SystemClock)
    _bases: list[int] = field(default_factory=list, repr=False)  # 0 or 1, once it is found out

    name = "activecampaign"
    title = _TITLE
    auth: Literal["api_key"] = "api_key"
    fields = (
        Field("email", EMAIL, required=True, kind=Kind.EMAIL),
        Field("first_name", FIRST_NAME, longest=_LONGEST),
        Field("last_name", LAST_NAME, longest=_LONGEST),
        Field("phone", PHONE, kind=Kind.PHONE, longest=_LONGEST),
    )
    options = (Option("exclude_automations", say("Do not start automations for these contacts")),)
    limits = Limits(
        profiles_per_batch=250,
        bytes_per_batch=_BODY_BYTES - _ENVELOPE_BYTES,
        concurrency=5,
        least_per_batch=10,
        rates=(Rate(100, 60, of="POST /import/bulk_import"), Rate(5, 1)),
        first_look=10,
        jobs_per_look=2,  # more at once would keep the next import waiting for its turn
    )

    def endpoint(self, host: str) -> str:
        """Return the account's host; refuse what is no plain name under one of the allowed suffixes."""
        plain = re.sub(r"\Ahttps?://", "", host.strip().lower()).removesuffix("/").removesuffix(".")
        allowed = any(plain.endswith(f".{suffix}") for suffix in self.host_suffixes)
        if not _HOST.fullmatch(plain) or _is_address(plain) or not allowed:
            what = say(
                "Give the host name from the Developer settings of {destination}, without https://. "
                "It ends in one of: {endings}.",
                destination=_TITLE,
                endings=tuple(f".{suffix}" for suffix in self.host_suffixes),
            )
            raise Invalid("/host", what)
        return plain

    def credentials(self, key: str) -> Credentials:
        """Keep the key."""
        if not _KEY.fullmatch(key.strip()):
            what = say("This is no API key. Copy it from the Developer settings.")
            raise Invalid("/api_key", what)
        return {"api_key": key.strip()}

    async def identify(self, api: Api, endpoint: str) -> Account:
        """Ask whose key it is. An answer without a user is a page that lets nobody in."""
        answer = await api.get("/users/me")
        user = answer.get("user") if isinstance(answer, dict) else None
        if not isinstance(user, dict):
            raise NeedsAttention(
                Culprit.CONNECTION,
                say(
                    "{destination} did not say whose key it is. Check host and key.",
                    destination=_TITLE,
                ),
            )
        return Account(id=endpoint, name=endpoint.partition(".")[0], endpoint=endpoint)

    def base_url(self, account: Account) -> str:
        """Return the account's API. Its host was checked when it was typed, and is checked again."""
        return f"{self.url.format(host=self.endpoint(account.endpoint))}/api/3"

    def headers(self, credentials: Credentials) -> Mapping[str, str]:
        """Authorise with the key."""
        return {"Api-Token": credentials["api_key"]}

    def lane(self, account: Account) -> str:
        """One quota for each account."""
        return f"activecampaign-{account.id}"

    def explain(self, response: httpx.Response) -> Halt | None:
        """Tell the rate's 400 from a refusal, and a web page from data."""
        said = _said(response)
        if response.is_success or response.status_code == httpx.codes.FORBIDDEN:
            return _explain_page(response)
        if response.status_code == httpx.codes.BAD_REQUEST:
            return _explain_refusal(said)
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            after = response.headers.get("retry-after", "")
            seconds = float(after) if after.isascii() and after.isdigit() else _BUSY_SECONDS
            reason = say("{destination} is limiting requests (429).", destination=_TITLE)
            return Limited(reason, seconds)
        if response.is_server_error and isinstance(wait := said.get("retry_after"), int):
            reason = say("{destination} cannot be reached behind its network.", destination=_TITLE)
            return TryLater(reason, float(wait))
        return None

    async def check(self, api: Api) -> None:
        """Ask who we are."""
        await self.identify(api, "")

    async def lists(self, api: Api) -> Sequence[ListInfo]:
        """Return every list, 100 at a time."""
        return [_list_info(item) for item in await _all(api, "/lists", "lists")]

    async def look_up(self, api: Api, list_id: str) -> ListInfo:
        """Return one list."""
        none = NeedsAttention(Culprit.LIST, no_list(_TITLE, list_id))
        if not _LIST_ID.fullmatch(list_id):
            raise none
        try:
            answer = await api.get(f"/lists/{list_id}")
        except NeedsAttention as error:
            raise none if error.culprit is Culprit.LIST else error from None
        with making_sense(_TITLE):
            return _list_info(answer["list"])

    async def fields_of(self, api: Api, list_id: str) -> Sequence[Field]:
        """Return the fields of every account, and the custom fields of this one."""
        own = [_own_field(item) for item in await _all(api, "/fields", "fields")]
        return (*self.fields, *(each for each in own if each is not None))

    async def encoder(self, api: Api, target: Target) -> Encoder:
        """Look up whether the list is there, and the custom fields if the export fills some."""
        await self.look_up(api, target.list_id)
        own = any(name.startswith(_OWN) for name in target.fields)
        fields = await self.fields_of(api, target.list_id) if own else self.fields
        values = Values(fields, target, {Kind.CHOICES: _several})
        always: dict[str, object] = {"subscribe": [{"listid": int(target.list_id)}]}
        if "exclude_automations" in target.options:
            always["exclude_automations"] = True

        def encode(address: str, cells: Sequence[str]) -> bytes:
            given = values.of(cells)
            if own:
                numbered = [
                    {"id": int(name.removeprefix(_OWN)), "value": given.pop(name)}
                    for name in tuple(given)
                    if name.startswith(_OWN)
                ]
                if numbered:
                    given["fields"] = numbered
            return orjson.dumps({"email": address, **given, **always})

        return Encoder(encode, values.notes)

    async def send(self, api: Api, target: Target, batch: Batch, unsure: Unsure | None) -> Sent:
        """Queue an import; doing it twice is the same as doing it once, but for automations."""
        more: dict[str, object] = {}
        if "exclude_automations" in target.options:
            more["exclude_automations"] = True
        if target.report_url:
            more["callback"] = {
                "url": f"{target.report_url}/{batch.number}",
                "requestType": "POST",
                "detailed_results": "true",
            }
        rest = orjson.dumps(more)[1:]
        body = b'{"contacts":[' + batch.joined + b"]" + (b"," if more else b"") + rest
        try:
            answer = await api.post(
                "/import/bulk_import", body, weight=_ALONE if batch.size == 1 else 1
            )
        except _Refusal as refusal:
            raise self._judged(refusal, batch.size) from None
        with making_sense(_TITLE):
            said = {str(key).lower(): value for key, value in answer.items()}
            if not said["success"] or not _BATCH_ID.fullmatch(said["batchid"]):
                raise ValueError("an import that was not queued")
            return Sent(job=str(said["batchid"]))

    async def poll(self, api: Api, jobs: Sequence[Job], files: JobFiles) -> Sequence[Finished]:
        """Ask about each import."""
        answers = await asyncio.gather(
            *(api.get("/import/info", {"batchId": job.id}) for job in jobs), return_exceptions=True
        )
        over: list[Finished] = []
        for job, answer in zip(jobs, answers, strict=True):
            if isinstance(answer, BaseException):
                raise answer
            over += await self._finished(job, answer, files)
        return over

    def _judged(self, refusal: _Refusal, size: int) -> BatchRefused:
        """Name who is at fault, or the cut after which the next refusal proves where counting begins."""
        numbers = dict(refusal.named)
        if not self._bases and 0 in numbers:
            self._bases.append(0)
        elif not self._bases and size in numbers:
            self._bases.append(1)
        if not self._bases:
            first = min((number for number in numbers if 0 < number < size), default=None)
            return BatchRefused(refusal.code, refusal.reason, cut=first)
        guilty = {number - self._bases[0]: text for number, text in numbers.items()}
        if not guilty or not all(0 <= index < size for index in guilty):
            self._bases.clear()  # what was found out cannot be right
            return BatchRefused(refusal.code, refusal.reason)
        return BatchRefused(
            refusal.code,
            refusal.reason,
            guilty=[
                RowOutcome(index, Outcome.REFUSED, refusal.code, text)
                for index, text in sorted(guilty.items())
            ],
        )

    async def _finished(self, job: Job, answer: Any, files: JobFiles) -> Sequence[Finished]:
        with making_sense(_TITLE):
            status = answer["status"]
            if status in _DID_NOTHING:
                return [Finished(job, failed=ended(_TITLE, str(status)))]
            if status in _UNDER_WAY:
                return ()
            if status != "completed":
                raise ValueError("an unknown status")
            failed = {normal_form(str(each)) for each in answer["failure"]}
        if not failed:
            return [Finished(job)]
        reports = await files.reports(job)
        young = self.clock.now() - job.sent_at < _REPORT_WITHIN
        if not reports and self.expects_reports and young:
            return ()  # it says who failed, and may still say why
        index_of = (await files.batch(job)).index_of()
        reasons = {mail: why for report in reports for mail, why in _reasons(report)}
        return [
            Finished(
                job,
                [
                    _outcome(index, reasons.get(mail))
                    for mail, index in index_of.items()
                    if mail in failed
                ],
            )
        ]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _said(response: httpx.Response) -> Mapping[str, Any]:
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _explain_page(response: httpx.Response) -> Halt | None:
    """A wrong key is answered with a 403 or, as others have seen, with the page where people log in."""
    is_page = "html" in response.headers.get("content-type", "").lower()
    is_login = is_page and re.search(rb"log.?in|sign.?in|password", response.content, re.IGNORECASE)
    if is_login or response.status_code == httpx.codes.FORBIDDEN:
        return NeedsAttention(
            Culprit.CONNECTION,
            say(
                "{destination} does not accept the key, or its user may not do this. Connect again.",
                destination=_TITLE,
            ),
        )
    return None


def _explain_refusal(said: Mapping[str, Any]) -> Halt | None:
    text, reasons = str(said.get("message") or ""), said.get("failureReasons")
    reasons = reasons if isinstance(reasons, list) else []
    if "rate limit" in text.lower():
        reason = say(
            "{destination} is limiting imports (400, {words})",
            destination=_TITLE,
            words=text[:100],
        )
        return Limited(reason, _A_MINUTE)
    named = [
        (each["contact"], str(each.get("failureReason") or "")[:300])
        for each in reasons
        if isinstance(each, dict) and isinstance(each.get("contact"), int)
    ]
    if named:
        reason = say_count(
            "{destination} refused the import for {count} of its contacts.",
            "{destination} refused the import for {count} of its contacts.",
            len(named),
            destination=_TITLE,
        )
        return _Refusal(reason, named)
    return None


async def _all(api: Api, path: str, key: str) -> Sequence[Mapping[str, Any]]:
    """Return a collection, page by page."""
    found: list[Mapping[str, Any]] = []
    while True:
        page = await api.get(path, {"limit": str(_PAGE), "offset": str(len(found))})
        with making_sense(_TITLE):
            items = [dict(item) for item in page[key]]
        found += items
        if len(items) < _PAGE:
            return found


def _list_info(item: Mapping[str, Any]) -> ListInfo:
    with making_sense(_TITLE):
        return ListInfo(str(int(item["id"])), str(item["name"]))


def _own_field(item: Mapping[str, Any]) -> Field | None:
    """Return a custom field as one that can be mapped, or None if it is of an unknown type."""
    with making_sense(_TITLE):
        kind = _KINDS.get(str(item["type"]))
        name, title = f"{_OWN}{int(item['id'])}", str(item["title"])
        options = item.get("options") or ()
        choices = [str(each["value"] if isinstance(each, dict) else each) for each in options]
    if kind is None:
        return None
    if kind in (Kind.CHOICE, Kind.CHOICES) and not choices:
        kind = Kind.TEXT  # the choices are not told here
    longest = _LONGEST if kind is Kind.TEXT else None
    return Field(name, title, kind=kind, longest=longest, choices=choices)


def _several(plain: str) -> str:
    return "||" + plain.replace(SEPARATOR, "||") + "||"


def _reasons(report: bytes) -> Iterator[tuple[str, str]]:
    """Find addresses with a text beside them in a report, whatever its shape."""
    try:
        waiting: list[Any] = [orjson.loads(report)]
    except orjson.JSONDecodeError:
        return
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            waiting += [each for each in part.values() if isinstance(each, dict | list)]
            texts = [each for each in part.values() if isinstance(each, str)]
            mails = [each for each in texts if "@" in each and " " not in each.strip()]
            whys = [each for each in texts if each not in mails]
            if len(mails) == 1 and whys:
                yield normal_form(mails[0]), max(whys, key=len)[:300]
            for name, why in part.items():
                if "@" in name and isinstance(why, str):
                    yield normal_form(name), why[:300]


def _outcome(index: int, reason: str | None) -> RowOutcome:
    if reason is None:
        return RowOutcome(index, Outcome.REFUSED, "no_reason", _NO_REASON)
    said_no = any(phrase in reason.lower() for phrase in _SAID_NO)
    outcome = Outcome.SUPPRESSED if said_no else Outcome.REFUSED
    return RowOutcome(index, outcome, "not_imported", reason)
