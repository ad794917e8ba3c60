"""The app's settings, read once from the environment. docs/settings.md explains each one."""

import logging
from functools import cache
from typing import Self

from pydantic import Field, HttpUrl, PrivateAttr, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

log = logging.getLogger(__name__)

MOST_PROFILES = 1_000_000
"""What one export may hold by the documents of the product; what is promised is proven up to here."""


_REFERENCE = "@Microsoft.KeyVault("
"""How a reference to a secret begins, which is handed on as it is where Azure cannot resolve it.

Source: learn.microsoft.com/azure/app-service/app-service-key-vault-references, *Troubleshoot*.
"""


class StorageAccount(BaseSettings):
    """Where the product's data lies: a connection string, or one address per service.

    The names are those that the Functions host itself understands, so that one setting serves a
    trigger and our own clients. With addresses, the app's managed identity is used.
    """

    model_config = SettingsConfigDict(extra="ignore")

    connection_string: str | None = Field(None, validation_alias="DataStorage")
    blob_url: str | None = Field(None, validation_alias="DataStorage__blobServiceUri")
    queue_url: str | None = Field(None, validation_alias="DataStorage__queueServiceUri")
    table_url: str | None = Field(None, validation_alias="DataStorage__tableServiceUri")


class Settings(BaseSettings):
    """Every setting of the app."""

    model_config = SettingsConfigDict(extra="ignore")

    storage: StorageAccount = Field(default_factory=StorageAccount)
    key_vault_url: str
    linked_key_vault_url: str = ""
    linked_secret_prefix: str = Field("segment-exports-", pattern=r"^[0-9A-Za-z-]{3,100}$")
    auth_issuer: str
    auth_audience: str
    auth_scope: str = Field("access_as_user", pattern=r"^[!#-\[\]-~]{1,200}$")
    public_base_url: HttpUrl

    mailchimp_client_id: str = ""
    mailchimp_client_secret: SecretStr = SecretStr("")
    mailchimp_login_url: str = "https://login.mailchimp.com"
    mailchimp_api_url: str = "https://{dc}.api.mailchimp.com"
    mailchimp_partial_answers: bool = True
    mailchimp_connections: int = Field(8, ge=1, le=10)

    constant_contact_client_id: str = ""
    constant_contact_client_secret: SecretStr = SecretStr("")
    constant_contact_login_url: str = "https://authz.constantcontact.com"
    constant_contact_api_url: str = "https://api.cc.email"
    constant_contact_requests_per_second: int = Field(4, gt=0)
    constant_contact_requests_per_day: int = Field(10_000, gt=0)
    constant_contact_date_format: str = "%m/%d/%Y"

    activecampaign_url: str = "https://{host}"
    activecampaign_host_suffixes: str = "api-us1.com,activehosted.com"

    slice_seconds: float = Field(
        240, gt=0, le=450, description="How long one execution works on a run."
    )
    retention_days: int = Field(30, ge=1, le=90, description="How long ended runs are kept.")
    max_unsent_rejects: int = Field(
        100_000, gt=0, description="Rejects that a run keeps of rows that it never sent."
    )
    caller_requests_per_minute: int = Field(
        600, gt=0, description="Requests that a caller who is signed in may send to an instance."
    )
    anonymous_requests_per_minute: int = Field(
        60, gt=0, description="The same of an address, for what nobody is signed in for."
    )
    webhook_url: str = Field("", pattern=r"^(https://.{1,2000})?$")
    webhook_secret: SecretStr = SecretStr("")
    max_profiles: int = Field(MOST_PROFILES, gt=0, description="Profiles that one export may hold.")

    _unresolved: list[str] = PrivateAttr(default_factory=list)

    @property
    def unresolved(self) -> tuple[str, ...]:
        """Settings that count as missing, because Azure did not find the secret that they refer to."""
        return tuple(self._unresolved)

    @model_validator(mode="after")
    def _references_are_no_secrets(self) -> Self:
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr) and value.get_secret_value().startswith(_REFERENCE):
                setattr(self, name, SecretStr(""))
                self._unresolved.append(name.upper())
        return self

    @field_validator("max_profiles")
    @classmethod
    def _only_lowered(cls, wanted: int) -> int:
        if wanted > MOST_PROFILES:
            log.warning(
                "MAX_PROFILES is %d and counts as %d: it can only lower", wanted, MOST_PROFILES
            )
        return min(wanted, MOST_PROFILES)


@cache
def settings() -> Settings:
    """Return the settings of this process; raise pydantic's ValidationError naming what is missing."""
    return Settings()
