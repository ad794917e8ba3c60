"""The local stack: everything that the product talks to, on this machine.

In the order in which a command passes through it:

* `__main__` reads the command; `demo` shows the whole job, with `sample_data`, `vendors` and `api_client`;
* `stack` starts everything at the `addresses` that are chosen, and leaves a `stack_file` to be found by;
* `processes` starts each process through `die_with_parent`, and `health` asks whether it is ready;
* `azurite`, `vault`, `identity` and `sandbox` stand in for what the product talks to; `storage` creates what
  it expects to be there; `serving` and `certificates` are what our own servers answer with;
* `host` stands in for the Azure Functions host, and runs the product;
* `redocly` lints the OpenAPI document; `node` runs it, and Azurite.
"""
