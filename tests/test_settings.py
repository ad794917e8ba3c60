"""Settings: what they count as where that is not what they say."""

import pytest
from pydantic import ValidationError

from shared.settings import Settings


def with_at_most(profiles: int) -> Settings:
    return Settings(
        key_vault_url="https://vault.test",
        auth_issuer="https://issuer.test",
        auth_audience="audience",
        public_base_url="https://exports.test",
        max_profiles=profiles,
    )


@pytest.mark.parametrize("profiles", [1, 999_999, 1_000_000])
def test_the_most_profiles_of_an_export_can_be_lowered(
    profiles: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert with_at_most(profiles).max_profiles == profiles
    assert caplog.messages == []


def test_more_profiles_than_a_million_count_as_a_million_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert with_at_most(1_000_001).max_profiles == 1_000_000
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert record.message == "MAX_PROFILES is 1000001 and counts as 1000000: it can only lower"


def test_the_scope_is_one_word_that_a_token_can_name() -> None:
    assert with_at_most(1).auth_scope == "access_as_user"
    with pytest.raises(ValidationError, match="auth_scope"):
        Settings(**with_at_most(1).model_dump() | {"auth_scope": "one two"})


def test_a_reference_that_azure_did_not_resolve_counts_as_missing() -> None:
    text = "@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/webhook-secret)"
    given = with_at_most(1).model_dump() | {"webhook_secret": text, "mailchimp_client_secret": "s3"}
    found = Settings(**given)
    assert found.webhook_secret.get_secret_value() == ""
    assert found.mailchimp_client_secret.get_secret_value() == "s3"
    assert found.unresolved == ("WEBHOOK_SECRET",)
    assert "vault.azure.net" not in repr(found.unresolved)
