"""What a program asks first: who am I, where can I send to, is anybody there."""

from fastapi import APIRouter
from pydantic import BaseModel

from shared.api.dependencies import AnyCaller, Page, TheServices
from shared.api.problems import KINDS
from shared.domain.connection import TERMS_VERSION
from shared.domain.errors import NotFound
from shared.domain.people import Role

VERSION = "0.1.0"

router = APIRouter(prefix="/api/v1", tags=["about"])
public = APIRouter(prefix="/api", tags=["about"])


class Me(BaseModel):
    """The caller."""

    id: str
    name: str
    role: Role


class FieldItem(BaseModel):
    """A field of a profile that an export can fill."""

    name: str
    title: str
    required: bool


class LimitsItem(BaseModel):
    """What the destination may be asked at once."""

    profiles_per_batch: int
    bytes_per_batch: int
    concurrency: int
    profiles_per_export: int


class DestinationItem(BaseModel):
    """A service that profiles can be sent to."""

    name: str
    title: str
    auth: str  # how an account is connected
    terms_version: str  # what consent is given to
    fields: list[FieldItem]
    limits: LimitsItem


class Health(BaseModel):
    """That the app answers."""

    status: str
    version: str


class KindItem(BaseModel):
    """A kind of problem."""

    type: str
    title: str
    status: int


@router.get("/me", operation_id="getMe", summary="Who I am and what my role is")
async def me(caller: AnyCaller) -> Me:
    """Return the caller."""
    return Me(id=caller.person.id, name=caller.person.name, role=caller.role)


@router.get("/destinations", operation_id="listDestinations", summary="Where to send to")
async def destinations(services: TheServices) -> Page[DestinationItem]:
    """Return every destination; there are never more than fit a page."""
    items = [
        DestinationItem(
            name=each.name,
            title=each.title,
            auth="oauth",
            terms_version=TERMS_VERSION,
            fields=[
                FieldItem(name=field.name, title=field.title, required=field.required)
                for field in each.fields
            ],
            limits=LimitsItem(
                profiles_per_batch=each.limits.profiles_per_batch,
                bytes_per_batch=each.limits.bytes_per_batch,
                concurrency=each.limits.concurrency,
                profiles_per_export=services.max_profiles,
            ),
        )
        for each in services.destinations.values()
    ]
    return Page(items=items)


@public.get("/health", operation_id="getHealth", summary="Is the app alive")
async def health() -> Health:
    """Answer without asking anything of storage."""
    return Health(status="ok", version=VERSION)


@public.get("/problems/{slug}", operation_id="getProblem", summary="What a problem's type means")
async def explain(slug: str) -> KindItem:
    """Return what the `type` of a problem stands for."""
    if slug not in KINDS:
        raise NotFound("There is no such kind of problem.")
    kind = KINDS[slug]
    return KindItem(type=f"/api/problems/{slug}", title=kind.title, status=kind.status)
