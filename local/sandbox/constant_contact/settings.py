"""Lists what can be changed while the sandbox is used: limits, and what no source settles."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

type Ending = Literal["completed", "failed", "timed_out", "cancelled"]


class Settings(BaseModel):
    """The settings, with what is published or what we guess as defaults."""

    model_config = ConfigDict(extra="forbid")

    # Published, for the application and so for all accounts together.
    requests_per_second: int = Field(4, ge=1)
    requests_per_day: int = Field(10_000, ge=0)
    token_requests_per_second: int = Field(1, ge=1)
    queued_activities: int = Field(1_000, ge=1, description="of one account")
    contacts_per_import: int = Field(40_000, ge=1)
    # Whether a megabyte has 10^6 or 2^20 bytes is published nowhere; the smaller is the stricter.
    bytes_per_import: int = Field(4_000_000, ge=1)
    token_seconds: float = Field(86_400, gt=0, description="that an access token lives")
    rotating: bool = Field(True, description="refresh tokens work once")
    # How fast imports are is published nowhere: our guess makes an hour for a million.
    contacts_per_second: float = Field(300, gt=0)
    start_delay: float = Field(2, ge=0, description="seconds from an import's request to its start")
    # How many messages there are, and of which shape: other programs have seen some for V2.
    messages: Literal["none", "some", "all", "addresses"] = "some"
