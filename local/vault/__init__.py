"""A stand-in for Azure Key Vault's secrets, for the official clients over TLS.

Enforced as on Azure: the bearer challenge, tokens (RS256, issuer, audience, expiry), names of 1 to
127 letters, digits and hyphens regardless of case, values of 25 KB at most, versions, disabled
secrets (403), soft delete that blocks the name (409), recovery, purge (403 with purge protection),
pages of 25, and the service limits of 300 new secrets and 4,000 other calls in 10 seconds (429):
https://learn.microsoft.com/azure/key-vault/general/service-limits

Not reproduced: keys and certificates, backup and restore, roles inside the vault, firewalls, the
end of the retention period, and the seconds that a deletion takes on Azure (here it is done at
once). The official client waits for those seconds; test that against Azure.

A request comes to `app`, is let in by `access`, and reads or changes `secrets`; `__main__` serves all three.
"""
