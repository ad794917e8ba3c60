"""The only place that opens a connection to a vendor.

In the order in which a request passes through them: `client` makes it, with what `authorisation` gives,
when `pace` and `day_budget` let it; `fast_client` carries it; `answer` reads what comes back, so far as
it may be long; `verdict` says what it means, and `patience` whether it is asked again; `kept_answers`
are what people need not ask for again. The `webhook` goes its own way.
"""
