"""Shows people the accounts, how to sign in, and what their audiences hold."""

from html import escape

from starlette.responses import HTMLResponse

from local.sandbox.kit.pages import page
from local.sandbox.kit.state import PASSWORD
from local.sandbox.mailchimp.answers import counts_of
from local.sandbox.mailchimp.state import Sandbox


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
