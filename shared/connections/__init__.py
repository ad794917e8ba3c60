"""An account of a destination is connected, checked, asked, and kept alive.

In the order in which a connection passes through them: `schemas` is what people choose, `manage` sets it
up; `oauth_sign_in` or `api_key` proves an account, and `access` puts it on the connection; `credentials`
lie in the vault, and `token_refresh` keeps them alive; `vendor_api` opens the way to the account; `check`
and `lookups` ask it; `index` knows the exports on it, and `waiting_runs` go on once it works again.
"""
