"""Serves the page that shows the API's document. Swagger UI comes with the app, as a package brings it."""

import base64
import hashlib
from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from shared.api.paths import DOCS, DOCS_SCRIPT, DOCS_STYLE, OPENAPI

_SCRIPT_BEGIN, _SCRIPT_END = b"<script>", b"</script>"

# Swagger UI writes styles and images into the page itself. It shows no form, and calls the API by `fetch`.
_POLICY = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    "connect-src 'self'; img-src data:; style-src 'self' 'unsafe-inline'; script-src 'self' '{inline}'"
)
_KEPT = {"Cache-Control": "public, max-age=3600"}


def add_docs(app: FastAPI) -> None:
    """Add the page and its files to an app."""
    page = bytes(
        get_swagger_ui_html(
            openapi_url=OPENAPI,
            title=app.title,
            swagger_js_url=DOCS_SCRIPT,
            swagger_css_url=DOCS_STYLE,
            swagger_favicon_url="data:,",
            swagger_ui_parameters={"validatorUrl": None},  # it would show the document to others
        ).body
    )
    script = page.partition(_SCRIPT_BEGIN)[2].partition(_SCRIPT_END)[0]
    digest = base64.b64encode(hashlib.sha256(script).digest()).decode()
    headers = {"Content-Security-Policy": _POLICY.format(inline=f"sha256-{digest}")}

    async def docs(_: Request) -> Response:
        return HTMLResponse(page, headers=headers)

    app.add_route(DOCS, docs, include_in_schema=False)
    files = _files()
    for path in (DOCS_SCRIPT, DOCS_STYLE):
        _add_file(app, path, files / path.rpartition("/")[2])


def _add_file(app: FastAPI, path: str, file: Path) -> None:
    async def answer(_: Request) -> Response:
        return FileResponse(file, headers=_KEPT)

    app.add_route(path, answer, include_in_schema=False)


def _files() -> Path:
    """Return where the package has its files; of its code nothing is used."""
    package = find_spec("fastapi_offline")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("fastapi-offline is not installed")
    return Path(package.origin).parent / "static"
