"""A sandbox of Constant Contact: its OAuth sign-in and the part of API v3 that the product uses.

Sources: the published API description (build 3.0.178), the guide at https://developer.constantcontact.com/
and what the vendor's staff say in its forum. What no source settles is marked "our guess" where it is
decided.

Enforced: client, registered redirect address and PKCE (S256) of the OAuth application; codes that work
once within 60 seconds; access tokens that are JWTs of 24 hours; refresh tokens that work once (or, by a
setting, for ever) and die after 180 unused days; one token request a second; scopes and the user's
privileges; 4 requests a second and 10,000 a day (UTC) for the application, whichever account they are
for; 1,000 queued activities for an account; imports of up to 40,000 contacts and 4 MB, of which the
rest is dropped without a word; jobs that are done one after another and take time; pages.

Imports never bring back who has unsubscribed: such a contact counts in `cannot_add_to_list_count`, as
does every new `unsubscribed+…@…`, so that a file can plan its outcomes. An address that is none counts
as correctable, anything too long as an error.

Not reproduced: every other endpoint, tags, SMS, segments, contact exports, the removal of contacts,
billing, confirmation mails, several users of an account, CORS. Everything under /sandbox is ours and no
part of Constant Contact.

A request comes to `app`, which leads it to `oauth`, `control` (with `pages`) or `gate`; `api` then answers it
with `activities`, `contacts` and `problems`. `state` is what there is, `settings` how it behaves; `__main__`
serves it.
"""
