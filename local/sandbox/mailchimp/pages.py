"""The sandbox's HTML."""

from html import escape
from string import Template

from starlette.responses import HTMLResponse

from local.sandbox.mailchimp.answers import counts_of
from local.sandbox.mailchimp.state import PASSWORD, Sandbox

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
  [role=alert] { color: #a40000 } table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #ccc }
</style>
<h1>$title</h1>
$content
</html>
""")

_SIGN_IN = Template("""<p>This is not Mailchimp: accounts and their contacts are made up.</p>
$error
<form method="post" action="/oauth2/authorize">
  $hidden
  <label>Username <input name="username" autocomplete="username" value="$username"></label>
  <label>Password <input name="password" type="password" autocomplete="current-password"></label>
  <button name="decision" value="allow">Allow</button>
  <button name="decision" value="deny">Deny</button>
</form>
""")


def page(title: str, content: str, status: int = 200) -> HTMLResponse:
    """A page with trusted `content`."""
    return HTMLResponse(_PAGE.substitute(title=escape(title), content=content), status)


def sign_in(asked: dict[str, str], *, username: str = "", error: str = "") -> HTMLResponse:
    """The sign-in form; `asked` travels with it."""
    hidden = "\n  ".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in asked.items()
    )
    alert = f'<p role="alert">{escape(error)}</p>' if error else ""
    content = _SIGN_IN.substitute(hidden=hidden, username=escape(username), error=alert)
    return page("Sign in to the Mailchimp sandbox", content)


def overview(sandbox: Sandbox) -> HTMLResponse:
    """Accounts, how to sign in, and what their audiences hold."""
    rows = [
        f"<tr><td>{account.number}<td>{account.datacenter}<td>{escape(account.email)}"
        f"<td>{escape(audience.name)}<td><code>{audience.id}</code>"
        f"<td>{escape(', '.join(f'{n} {s}' for s, n in counts_of(audience).items()) or 'empty')}"
        f'<td><a href="/sandbox/accounts/{account.number}/audiences/{audience.id}/members.ndjson">'
        "members</a>"
        for account in sandbox.accounts.values()
        for audience in account.audiences.values()
    ]
    heads = ("Account", "Data centre", "Username", "Audience", "Id", "Members", "")
    content = (
        f"<p>Every account's password is <code>{PASSWORD}</code>. "
        '<a href="/sandbox/stats">Statistics</a> · <a href="/sandbox/faults">Faults</a></p>'
        f"<table><tr>{''.join(f'<th>{head}' for head in heads)}{''.join(rows)}</table>"
    )
    return page("Mailchimp sandbox", content)
