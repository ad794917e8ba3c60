"""Shows people the accounts, their keys, and what their lists hold."""

from html import escape
from string import Template

from starlette.responses import HTMLResponse

from local.sandbox.activecampaign.answers import on_lists
from local.sandbox.activecampaign.contacts import STATUSES
from local.sandbox.activecampaign.state import Account, Sandbox
from local.sandbox.kit.pages import page

_INTRODUCTION = """<p>This is not ActiveCampaign: accounts and their contacts are made up.
<a href="/sandbox/stats">Statistics</a> · <a href="/sandbox/faults">Faults</a></p>
"""

_ACCOUNT = Template("""<h2>Account $number</h2>
<p>Host <code>$host</code>, API key <code>$key</code>.
<a href="/sandbox/accounts/$number/contacts.ndjson">$contacts contacts</a>,
$imports imports, $waiting of them not over.
<a href="/sandbox/accounts/$number/knobs">Knobs</a></p>
<table><tr><th>List<th>Id<th>Contacts$lists</table>
<p>Custom fields: $fields</p>
""")


def overview(sandbox: Sandbox) -> HTMLResponse:
    """Accounts, their keys, and what their lists hold."""
    accounts = "".join(map(_account, sandbox.accounts.values()))
    return page("ActiveCampaign sandbox", _INTRODUCTION + accounts)


def _account(account: Account) -> str:
    held = on_lists(account)
    rows = [
        f"<tr><td>{escape(name)}<td><code>{number}</code><td>"
        + ", ".join(f"{held[number, status]} {word}" for word, status in STATUSES.items())
        for number, name in account.lists.items()
    ]
    return _ACCOUNT.substitute(
        number=account.number,
        host=account.host,
        key=account.api_key,
        contacts=len(account.contacts),
        imports=len(account.imports.batches),
        waiting=account.imports.waiting,
        lists="".join(rows),
        fields=escape(", ".join(f"{one.title} ({one.type})" for one in account.fields.values())),
    )
