"""A walk in English."""

from tests.e2e.told.words import Words

_NEEDS = "This needs the role {role}. Ask whoever administers Segment Exports."
_ADMINISTRATOR = _NEEDS.format(role="administrator")
_CONTRIBUTOR = _NEEDS.format(role="contributor")
_NO_CONNECTION = "There is no such connection."
_DETACHED = "The export is detached. Attach a connection to it."

ENGLISH = Words(
    titles={
        "may not": "You may not do this",
        "none": "There is no such thing",
        "not now": "Not now",
        "wrong": "Something in the request is wrong",
    },
    see_errors="See errors for what is wrong.",
    list_help={
        "constant_contact": "A list ID looks like 06526938-56dd-11e9-932a-fa163ea075fa. Choose the list by "
        "its name, or paste the address of its page at Constant Contact.",
        "activecampaign": "A list ID is a whole number such as 2. It stands in the address of the list's "
        "page at ActiveCampaign, behind listid=.",
        "mailchimp": "An audience ID looks like 1b724bb934, and the settings of the audience show it. "
        "The address of its page at Mailchimp can be pasted, too.",
    },
    details={
        "add as contributor": _ADMINISTRATOR,
        "unknown type": "There is no such destination. "
        "There are: mailchimp, constant_contact, activecampaign.",
        "no display name": "This must have at least 1 character.",
        "use by everybody": "This must be one of: administrators, contributors.",
        "connect unagreed": "Select I agree for data privacy and compliance first: POST …/consent.",
        "disagree": "This must be one of: true.",
        "agree to old terms": "The current version of the terms is 2026-11.",
        "save unconnected": "Connect to the account first: POST …/connect.",
        "save without export user": "Add yourself as export user first: PUT …/export-user.",
        "export on a draft": "The connection {connection} is still being set up. Save it first.",
        "look at an unshared connection": _NO_CONNECTION,
        "export on an unshared connection": _NO_CONNECTION,
        "share as contributor": _ADMINISTRATOR,
        "unknown list": "{destination} has no such list. {list_help}",
        "no email": "Say which column holds this field: Email.",
        "missing column": "The column Mail is not in the segment {segment}. It has: {columns}.",
        "no segment": "This must hold at least 1 thing.",
        "another table": "There is no such segment.",
        "save as viewer": _CONTRIBUTOR,
        "set the refresh as contributor": _ADMINISTRATOR,
        "refresh five times a day": "This may hold 4 things.",
        "run as viewer": _CONTRIBUTOR,
        "remove as contributor": _ADMINISTRATOR,
        "remove while it is used": "Remove or detach the exports on this connection first: {export}.",
        "remove again": _NO_CONNECTION,
        "run detached": _DETACHED,
    },
    sentences={
        "deny at the destination": (
            "Not connected",
            "The sign-in was not completed. Nothing was changed. Begin again with connect.",
        ),
        "run by refresh": ("The scheduled refresh was due.",),
        "run on demand": ("Asked for on demand.",),
        "save with too many profiles": (
            "The segment {segment} has more than 1,000 rows, and an export to {destination} may "
            "have 1,000 profiles. Rows with the same address count once. If there are still more, "
            "nothing is sent.",
        ),
        "send too many profiles": (
            "The export has 1,001 profiles and may have 1,000. Nothing was sent; choose smaller "
            "segments.",
        ),
        "look at the export": (_DETACHED,),
    },
)
