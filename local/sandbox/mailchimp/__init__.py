"""A sandbox of Mailchimp: its OAuth sign-in and the part of Marketing API 3.0 the product uses.

Sources: Mailchimp's published API description (3.0.55) and documentation at
https://mailchimp.com/developer/marketing/, and answers recorded by others. What no source settles
is marked "our guess" where it is decided.

Enforced: client and redirect address of the OAuth application, codes that work once within 60
seconds, tokens that never expire but can be revoked, the account's data centre, 10 simultaneous
connections per account, 120 seconds per call, 500 members per call, pages of 1,000, validation of
addresses and merge fields, member status rules, problem documents.

The data centre of a call is the first label of a host such as us1.api.mailchimp.com, or the first
segment of the path (http://127.0.0.1:PORT/us1/3.0/ping); a call that names none is not checked.

Refusals that do not depend on what is stored, so that a file can plan its outcomes:

* any address at fake.example "looks fake or invalid";
* `toomany+…@…` has signed up to a lot of lists very recently;
* `unsubscribed+…@…`, `bounced+…@…`, `compliance+…@…` are in a compliance state;
* `forgotten+…@…` was permanently deleted.

Not reproduced: gzip, batches, segments, tag endpoints, interests, SMS, marketing permissions,
mails to people, plan limits, caching of list statistics, API users below owner, the time real calls
take (a setting: latency). Everything under /sandbox is ours and no part of Mailchimp.

A request comes to `app`, which leads it to `oauth`, `control` (with `pages`) or `gate`; `api` then answers it
with `audience`, `fields`, `answers` and `problems`. `state` is what there is; `__main__` serves it.
"""
