"""The sandbox's HTML."""

from html import escape
from string import Template

from starlette.responses import HTMLResponse

from local.sandbox.activecampaign.answers import on_lists
from local.sandbox.activecampaign.contacts import STATUSES
from local.sandbox.activecampaign.state import Account, Sandbox

_PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ActiveCampaign sandbox</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 60rem; margin: 3rem auto; padding: 0 1rem }
  code { overflow-wrap: anywhere } table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #ccc }
</style>
<h1>ActiveCampaign sandbox</h1>
<p>This is not ActiveCampaign: accounts and their contacts are made up.
<a href="/sandbox/stats">Statistics</a> · <a href="/sandbox/faults">Faults</a></p>
$accounts
</html>
""")

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
    return HTMLResponse(_PAGE.substitute(accounts=accounts))


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
