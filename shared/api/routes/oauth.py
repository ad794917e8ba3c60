"""Where a sign-in at a destination ends. Its callers are browsers without a token."""

import html

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from shared.api.dependencies import TheServices
from shared.api.guard import DONE
from shared.api.problems import answer
from shared.domain.errors import Halt, Refusal
from shared.exports.connect import CALLBACK, BadState, finish_sign_in

router = APIRouter(tags=["connections"])


@router.get(
    CALLBACK,
    operation_id="finishSignIn",
    summary="Where a destination's sign-in page sends the browser",
    response_class=HTMLResponse,
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
        await finish_sign_in(services, state, None if error else code)
    except BadState as refusal:
        return _page(400, "This sign-in cannot be used", f"{refusal} Begin again with connect.")
    except (Refusal, Halt) as refusal:
        status = answer(request, refusal).status_code
        return _page(status, "Not connected", f"{refusal} Begin again with connect.")
    return RedirectResponse(services.public_base_url + DONE, status_code=303)


@router.get(
    DONE,
    operation_id="signInDone",
    summary="Says that a sign-in is done",
    response_class=HTMLResponse,
)
async def done() -> Response:
    """Return the last page of a sign-in."""
    return _page(200, "Connected", "The account is connected. You can close this window.")


def _page(status: int, title: str, text: str) -> Response:
    title, text = html.escape(title), html.escape(text)
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<h1>{title}</h1><p>{text}</p></html>",
        status_code=status,
    )
