"""Ends a sign-in at a destination. The callers are browsers without a token."""

import html
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from shared.api import sign_in_cookie
from shared.api.dependencies import ANONYMOUS, TheServices
from shared.api.paths import CALLBACK, DONE
from shared.api.problems import answer
from shared.api.wording import spoken, worded
from shared.connections.oauth_sign_in import BadState, finish_sign_in
from shared.domain.errors import DestinationError, Refusal
from shared.domain.message import Message, say

router = APIRouter(tags=["connections"])

_LOCATION = {"$ref": "#/components/headers/Location"}


def _page_of(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"text/html": {"schema": {"type": "string"}}}}


@router.get(
    CALLBACK,
    operation_id="finishSignIn",
    summary="Where a destination's sign-in page sends the browser",
    dependencies=[ANONYMOUS],
    status_code=303,
    response_class=RedirectResponse,
    responses={
        303: {"description": "The account is connected.", "headers": {"Location": _LOCATION}},
        400: _page_of("The sign-in is unknown, was used before, is too old, or another browser's."),
        404: _page_of("The connection was removed meanwhile."),
        409: _page_of("Refused, or for another account than the one that is connected."),
        502: _page_of("The destination refused the request."),
        503: _page_of("The destination is busy."),
    },
)
async def callback(
    request: Request,
    services: TheServices,
    state: str = "",
    code: str | None = None,
    error: str | None = None,
) -> Response:
    """Finish a sign-in and go to a page that says so.

    Never redirects anywhere else, and repeats nothing that the address holds.
    """
    try:
        browser_key = sign_in_cookie.given(request, services.addresses, state)
        await finish_sign_in(services, state, None if error else code, browser_key)
    except BadState as refusal:
        return _page(400, say("This sign-in cannot be used"), _begin_again(refusal))
    except (Refusal, DestinationError) as refusal:
        status = answer(request, refusal).status_code
        return _page(status, say("Not connected"), _begin_again(refusal))
    return RedirectResponse(services.addresses.done, status_code=303)


@router.head(CALLBACK, include_in_schema=False)
async def look_at_callback() -> Response:
    """Answer whoever only looks at the address, as mail gateways do: it uses no state up."""
    return HTMLResponse()


@router.get(
    DONE,
    operation_id="showSignInDone",
    summary="Says that a sign-in is done",
    response_class=HTMLResponse,
)
async def done() -> Response:
    """Return the last page of a sign-in."""
    text = say("The account is connected. You can close this window.")
    return _page(200, say("Connected"), text)


def _begin_again(error: Refusal | DestinationError) -> Message:
    return say("{why} Begin again with connect.", why=error.reason)


def _page(status: int, title: Message, text: Message) -> Response:
    head, body = html.escape(worded(title)), html.escape(worded(text))
    return HTMLResponse(
        f'<!doctype html><html lang="{spoken.get()}"><meta charset="utf-8"><title>{head}</title>'
        f"<h1>{head}</h1><p>{body}</p></html>",
        status_code=status,
    )
