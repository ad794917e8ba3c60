"""Shows people the accounts, how to sign in, and what their lists hold."""

from html import escape
from string import Template

from starlette.responses import HTMLResponse

from local.sandbox.constant_contact.state import Account, Sandbox
from local.sandbox.kit.pages import page
from local.sandbox.kit.state import PASSWORD

_ACCOUNT = Template("""<h2>Account $number</h2>
<p>Username <code>$email</code>.
<a href="/sandbox/accounts/$number/contacts.ndjson">$contacts contacts</a> ($statuses);
$imports imports, $waiting of them not over.</p>
<table><tr><th>List<th>Id<th>Contacts$lists</table>
<p>Custom fields: $fields</p>
""")


def overview(sandbox: Sandbox) -> HTMLResponse:
    """Accounts, how to sign in, and what their lists hold."""
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
