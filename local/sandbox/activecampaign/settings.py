"""Lists what can be changed about an account while it is used: limits, and what no source settles."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

type Ending = Literal["completed", "failed", "interrupted"]


class Settings(BaseModel):
    """The settings of one account, with what is published or what we guess as defaults."""

    model_config = ConfigDict(extra="forbid")

    # Published: reference/rate-limits and reference/bulk-import-contacts.
    requests_per_second: int = Field(5, ge=1)
    imports_per_minute: int = Field(100, ge=1)
    single_imports_per_minute: int = Field(20, ge=1, description="of one contact")
    contacts_per_import: int = Field(250, ge=1)
    bytes_per_import: int = Field(399_999, ge=1)
    # The documentation shows 30; a guide of others says that there is no such header.
    retry_after: int | None = Field(30, ge=0, description="seconds in the header of a 429, or none")
    # 403 has been seen in the wild; others test for a login page.
    bad_key: Literal["403", "html-200"] = "403"
    may_view_lists: bool = True
    # The number of the first contact in `failureReasons` is our guess.
    index_base: Literal[0, 1] = 0
    # The documentation says "newly created contacts".
    success_lists: Literal["created", "all"] = "created"
    # How fast imports are is published nowhere: our guess.
    contacts_per_second: float = Field(500, gt=0)
    start_delay: float = Field(2, ge=0, description="seconds from an import's request to its start")
    callbacks: Literal["once", "twice", "never"] = "once"
    callback_delay: float = Field(0, ge=0, description="seconds from an import's end")
    # Imports "may not exceed your account limit"; that contacts fail one by one is our guess.
    contact_limit: int | None = Field(None, ge=0)
