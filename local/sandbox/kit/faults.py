"""Queues the faults that a sandbox is to show, each with its own count or seeded rate."""

import random
from fnmatch import fnmatchcase
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

Kind = Literal[
    "401",
    "403",
    "403-bodiless",
    "429",
    "429-retry-after",
    "500",
    "500-html",
    "502",
    "503",
    "503-blocked",
    "html-200",
    "login-200",
    "cut-200",
    "odd-200",
    "slow",
    "reset-before",
    "reset-after",
    "silence",
    "silence-after",
]


class Fault(BaseModel):
    """One kind of failure for the requests that match.

    `html-200` is a page where data should be, `login-200` the page where people sign in. `cut-200` ends
    in the middle of the data and `odd-200` is data of another shape, both after the request has taken
    effect. `503-blocked` says that the account is shut for its conduct. `slow` answers `seconds` later.
    `reset-` cuts the connection, `silence` gives no answer for `seconds` and cuts it then; with `-after`
    the request has taken effect first. `count` is how often it happens; `rate` how likely it is at each
    matching request (0 to 1), drawn from `seed`, until `count` or for ever.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    account: int | None = None
    method: str = "*"
    path: str = Field("*", description="a pattern with * such as */lists/*")
    count: int | None = Field(None, ge=1)
    rate: float | None = Field(None, gt=0, le=1)
    seed: int = 0
    seconds: float = Field(120, ge=0)
    fired: int = Field(0, description="how often it has happened; not to be given")
    _random: random.Random = PrivateAttr(default_factory=random.Random)

    @model_validator(mode="after")
    def _prepare(self) -> Self:
        if self.rate is None and self.count is None:
            self.count = 1
        self._random.seed(self.seed)
        return self

    def fires(self, account: int, method: str, path: str) -> bool:
        """Whether this request is to fail; counts it if so."""
        if (
            self.account not in (None, account)
            or not fnmatchcase(method, self.method)
            or not fnmatchcase(path, self.path)
            or self.spent
            or (self.rate is not None and self._random.random() >= self.rate)
        ):
            return False
        self.fired += 1
        return True

    @property
    def spent(self) -> bool:
        """Whether it has happened as often as it should."""
        return self.count is not None and self.fired >= self.count


class Faults:
    """The faults in the order they were queued; a request takes the first that fires."""

    def __init__(self) -> None:
        self.queued: list[Fault] = []

    def take(self, account: int, method: str, path: str) -> Fault | None:
        """The fault for this request, if any."""
        return next((fault for fault in self.queued if fault.fires(account, method, path)), None)
