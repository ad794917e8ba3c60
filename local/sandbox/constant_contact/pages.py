"""The sandbox's HTML."""

from html import escape
from string import Template

from starlette.responses import HTMLResponse

from local.sandbox.constant_contact.state import PASSWORD, Account, Sandbox

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

_SIGN_IN = Template("""<p>This is not Constant Contact: accounts and their contacts are made up.</p>
$error
<form method="post" action="/oauth2/default/v1/authorize">
  $hidden
  <label>Username <input name="username" autocomplete="username" value="$username"></label>
  <label>Password <input name="password" type="password" autocomplete="current-password"></label>
  <button name="decision" value="allow">Allow</button>
  <button name="decision" value="deny">Deny</button>
</form>
""")

_ACCOUNT = Template("""<h2>Account $number</h2>
<p>Username <code>$email</code>.
<a href="/sandbox/accounts/$number/contacts.ndjson">$contacts contacts</a> ($statuses);
$imports imports, $waiting of them not over.</p>
<table><tr><th>List<th>Id<th>Contacts$lists</table>
<p>Custom fields: $fields</p>
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
    return page("Sign in to the Constant Contact sandbox", content)


def overview(sandbox: Sandbox) -> HTMLResponse:
    """Accounts, how to sign in, and what their lists hold."""
    sandbox.settle()
    now = sandbox.clock.now()
    accounts = "".join(_account(account, now) for account in sandbox.accounts.values())
    content = (
        f"<p>Every account's password is <code>{PASSWORD}</code>. {sandbox.today:,} of "
        f"{sandbox.settings.requests_per_day:,} requests of today are used. "
        '<a href="/sandbox/stats">Statistics</a> · <a href="/sandbox/faults">Faults</a> · '
        f'<a href="/sandbox/knobs">Knobs</a></p>{accounts}'
    )
    return page("Constant Contact sandbox", content)


def _account(account: Account, now: float) -> str:
    people = account.contacts.people.values()
    rows = [
        f"<tr><td>{escape(each.name)}<td><code>{each.id}</code>"
        f"<td>{sum(each.id in one.lists for one in people):,}"
        for each in account.lists.values()
    ]
    statuses = account.contacts.statuses()
    return _ACCOUNT.substitute(
        number=account.number,
        email=account.email,
        contacts=f"{len(people):,}",
        statuses=", ".join(f"{count:,} {status}" for status, count in statuses.items()) or "none",
        imports=len(account.activities.all),
        waiting=account.activities.waiting(now),
        lists="".join(rows),
        fields=escape(", ".join(f"{one.label} ({one.type})" for one in account.fields.values())),
    )
