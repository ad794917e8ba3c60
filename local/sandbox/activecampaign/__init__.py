"""A sandbox of ActiveCampaign: the part of API v3 that the product uses.

Sources: ActiveCampaign's published API description and documentation at
https://developers.activecampaign.com/reference/, and answers recorded by others. What no source
settles is marked "our guess" where it is decided; where sources disagree, a setting (settings.py) has both.

Enforced: a key for each account, 5 requests a second per account, 100 imports a minute (20 of one
contact), 250 contacts and 399,999 bytes per import, pages of 100, the four rules of addresses with
the whole import refused for one that breaks them, exclusion lists, imports that run one after the
other and take time, and that nobody who unsubscribed from a list or bounced is put on it again.

The account of a call is told by its host, such as acme1.api-us1.com, or by the first segment of the
path (http://127.0.0.1:PORT/acme1.api-us1.com/api/3/users/me).

Refusals that do not depend on what is stored, so that a file can plan its outcomes:

* `refused+…@…` breaks the rules of addresses, so that its whole import is refused;
* `excluded+…@…` is on the exclusion list: not queued, and in `failure` later;
* `unsubscribed+…@…` has unsubscribed from every list, `bounced+…@…` has bounced: in `failure`.

Not reproduced: single writes, tags and exclusions through the API, values of custom fields that do
not fit their type, plans beyond a contact limit (a setting), the time real calls
take (a setting: latency). Everything under /sandbox is ours and no part of ActiveCampaign.

A request comes to `app`, which leads it to `control` (with `pages`) or `gate`; `api` then answers it
with `rules`, `imports`, `contacts`, `answers` and `problems`; `courier` delivers `callbacks`. `state` is
what there is, `settings` how it behaves; `__main__` serves it.
"""
