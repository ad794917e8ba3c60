"""What the app does when a setting is there and cannot be used: it goes on without, and says so once."""

import asyncio
import json
import os
import subprocess
import sys

import pytest

from tests.docs.pages import ROOT

REFERENCE = "@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/{})"
ENVIRONMENT = {
    "DataStorage": "UseDevelopmentStorage=true",
    "KEY_VAULT_URL": "https://kv.test",
    "AUTH_ISSUER": "https://issuer.test",
    "AUTH_AUDIENCE": "app",
    "PUBLIC_BASE_URL": "https://exports.test",
    "WEBHOOK_URL": "https://receiver.test/ends",
}
PROGRAM = """
import asyncio, json, logging
said = []
class Listener(logging.Handler):
    def emit(self, record):
        if getattr(record, "event", "") == "setting_unusable":
            said.append((record.levelname, record.setting, record.getMessage()))
logging.getLogger().addHandler(Listener())
from shared.bootstrap import services
async def main():
    opened = await services()
    await services()
    print(json.dumps({"webhook": opened.webhook is not None, "said": said}))
asyncio.run(main())
"""


async def opened(**settings: str) -> dict[str, object]:
    """Open the app in a process of its own with these settings."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **ENVIRONMENT, **settings},
        stdout=subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    found: dict[str, object] = json.loads(out)
    return found


@pytest.mark.parametrize("secret", [REFERENCE.format("webhook-secret"), "", "whsec_short"])
async def test_without_a_good_secret_the_webhook_is_off_and_the_app_is_not(secret: str) -> None:
    found = await opened(WEBHOOK_SECRET=secret)
    assert found["webhook"] is False
    said = found["said"]
    assert isinstance(said, list)
    assert [(level, setting) for level, setting, _ in said] == [("WARNING", "WEBHOOK_SECRET")]
    assert not [text for _, _, text in said if "vault.azure.net" in text or "whsec_short" in text]


async def test_a_registration_without_its_secret_is_told_of_once() -> None:
    good = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    missing = REFERENCE.format("mailchimp-client-secret")
    found = await opened(WEBHOOK_SECRET=good, MAILCHIMP_CLIENT_SECRET=missing)
    assert found["webhook"] is True
    assert found["said"] == [
        [
            "WARNING",
            "MAILCHIMP_CLIENT_SECRET",
            "MAILCHIMP_CLIENT_SECRET: Key Vault has no such secret, or did not give it; "
            "it counts as missing.",
        ]
    ]
