"""Makes the HTML of a sandbox: its pages for people, and the one where they sign in."""

from collections.abc import Mapping
from html import escape
from string import Template

from starlette.responses import HTMLResponse

_PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 60rem; margin: 3rem auto; padding: 0 1rem }
  form { max-width: 22rem } label { display: block; margin: 1rem 0 }
  input { display: block; width: 100%; font: inherit; padding: .4rem; box-sizing: border-box }
  button { font: inherit; padding: .4rem 1.2rem; margin-right: .5rem }
  [role=alert] { color: #a40000 } code { overflow-wrap: anywhere }
  table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #ccc }
</style>
<h1>$title</h1>
$content
</html>
""")

_SIGN_IN = Template("""<p>This is not $vendor: accounts and their contacts are made up.</p>
$error
<form method="post" action="$action">
  $hidden
  <label>Username <input name="username" autocomplete="username" value="$username"></label>
  <label>Password <input name="password" type="password" autocomplete="current-password"></label>
  <button name="decision" value="allow">Allow</button>
  <button name="decision" value="deny">Deny</button>
</form>
""")


def page(title: str, content: str, status: int = 200) -> HTMLResponse:
    """Return a page with trusted `content`."""
    return HTMLResponse(_PAGE.substitute(title=escape(title), content=content), status)


def sign_in(
    vendor: str, action: str, asked: Mapping[str, str], *, username: str = "", error: str = ""
) -> HTMLResponse:
    """Return the sign-in form, which posts to `action`; `asked` travels with it."""
    hidden = "\n  ".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in asked.items()
    )
    alert = f'<p role="alert">{escape(error)}</p>' if error else ""
    content = _SIGN_IN.substitute(
        vendor=vendor, action=action, hidden=hidden, username=escape(username), error=alert
    )
    return page(f"Sign in to the {vendor} sandbox", content)
