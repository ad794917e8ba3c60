"""The kit of the sandboxes: all that they have in common, so that a vendor's own code is its rules.

In the order in which a request passes through it:

* `command` reads the command line and serves a sandbox;
* `recording` keeps what it is asked;
* `app` joins the parts: calls of the API go through the gate, all else to the other routes;
* `gate` lets a call in, in the name of an account, or refuses it, and counts it;
* `rates` counts for limits, `faults` holds what is to go wrong;
* `passage` takes the time that a call takes, and lets it go wrong;
* `api` leads to the operations, and turns what they raise into answers;
* `oauth` has the sign-in page and the codes, `pages` the HTML of it;
* `control` is what stands under /sandbox: statistics, faults, latency, and what a vendor adds;
* `state` is what a sandbox knows, `clock` the time in which it lives.
"""
