"""Answers what a program asks first: who am I, where can I send to, is anybody there."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from shared.api.dependencies import AnyCaller, Page, TheServices
from shared.api.paths import HEALTH, PROBLEMS, V1
from shared.api.problems import PROBLEM_TYPES
from shared.api.schemas.fields import FieldItem, field_item
from shared.api.wording import Words, spoken
from shared.destinations.contract import Destination, OAuth2
from shared.domain.connection import TERMS_VERSION
from shared.domain.errors import NotFound
from shared.domain.message import say
from shared.domain.people import Caller, Language, Role
from shared.people.preferences import prefer_language, preferred_language
from shared.records.chosen import Chosen
from shared.services import Services

VERSION = "0.1.0"

router = APIRouter(prefix=V1, tags=["about"])
public = APIRouter(tags=["about"])


class Me(BaseModel):
    """The caller."""

    id: str
    name: str
    role: Role
    language: Language | None  # that the caller has chosen; without one Accept-Language decides


class MeChanges(Chosen, frozen=True):
    """What the caller chooses: a language, or null to leave it to Accept-Language again."""

    language: Annotated[Language, Field(strict=False)] | None


class OptionItem(BaseModel):
    """Something about an export that only this destination has, on or off; off unless chosen."""

    name: str
    title: Words


class RateItem(BaseModel):
    """So many requests in so many seconds."""

    requests: int
    seconds: float
    of: str  # how the requests that count begin, such as `POST /import`; all where it is empty


class LimitsItem(BaseModel):
    """What the destination may be asked, and so how the app asks it."""

    profiles_per_batch: int
    bytes_per_batch: int
    concurrency: int
    rates: list[RateItem]
    requests_per_day: int | None
    profiles_per_export: int


class DestinationItem(BaseModel):
    """A service that profiles can be sent to."""

    name: str
    title: str
    auth: Literal["oauth", "api_key"]  # how an account is connected
    terms_version: str  # what consent is given to
    fields: list[FieldItem]  # that every account has; more may be at a connection's `fields`
    options: list[OptionItem]
    limits: LimitsItem


class Health(BaseModel):
    """That the app answers."""

    status: str
    version: str


class KindItem(BaseModel):
    """A kind of problem."""

    type: str
    title: Words
    status: int


@router.get("/me", operation_id="getMe", summary="Who I am and what my role is")
async def me(services: TheServices, caller: AnyCaller) -> Me:
    """Return the caller."""
    return await _me(services, caller)


@router.patch("/me", operation_id="changeMe", summary="Choose my language")
async def change_me(services: TheServices, caller: AnyCaller, body: MeChanges) -> Me:
    """Keep the language that answers to the caller are in from now on."""
    await prefer_language(services, caller.person, body.language)
    if body.language is not None:
        spoken.set(body.language)
    return await _me(services, caller)


async def _me(services: Services, caller: Caller) -> Me:
    return Me(
        id=caller.person.id,
        name=caller.person.name,
        role=caller.role,
        language=await preferred_language(services, caller.person),
    )


@router.get("/destinations", operation_id="listDestinations", summary="Where to send to")
async def destinations(services: TheServices) -> Page[DestinationItem]:
    """Return every destination; there are never more than fit a page."""
    known = services.destinations.values()
    return Page(
        items=[_destination(each, services.profiles_allowed(each.limits)) for each in known]
    )


def _destination(destination: Destination, profiles_allowed: int) -> DestinationItem:
    limits = destination.limits
    return DestinationItem(
        name=destination.name,
        title=destination.title,
        auth="oauth" if isinstance(destination.auth, OAuth2) else "api_key",
        terms_version=TERMS_VERSION,
        fields=[field_item(field) for field in destination.fields],
        options=[OptionItem(name=one.name, title=one.title) for one in destination.options],
        limits=LimitsItem(
            profiles_per_batch=limits.profiles_per_batch,
            bytes_per_batch=limits.bytes_per_batch,
            concurrency=limits.concurrency,
            rates=[
                RateItem(requests=rate.requests, seconds=rate.seconds, of=rate.of)
                for rate in limits.rates
            ],
            requests_per_day=limits.requests_per_day,
            profiles_per_export=profiles_allowed,
        ),
    )


@public.get(HEALTH, operation_id="getHealth", summary="Is the app alive")
async def health() -> Health:
    """Answer without asking anything of storage."""
    return Health(status="ok", version=VERSION)


@public.get(PROBLEMS + "/{slug}", operation_id="getProblem", summary="What a problem's type means")
async def explain(slug: str) -> KindItem:
    """Return what the `type` of a problem stands for."""
    if slug not in PROBLEM_TYPES:
        raise NotFound(say("There is no such kind of problem."))
    problem_type = PROBLEM_TYPES[slug]
    return KindItem(type=f"{PROBLEMS}/{slug}", title=problem_type.title, status=problem_type.status)
