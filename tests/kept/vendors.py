"""What vendors must know for a copy to go on: tokens that they gave out, and what was sent to them."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from local.sandbox.constant_contact.state import Tokens as ConstantContactTokens
from local.sandbox.mailchimp.state import Tokens as MailchimpTokens
from tests.chaos.simulated_vendors import Vendor
from tests.contract.destinations.side import InProcess
from tests.fakes.clock import FakeClock
from tests.golden.company import Write, sandbox_of

_TOKENS = {"mailchimp": MailchimpTokens, "constant_contact": ConstantContactTokens}
_SIGNED = ("authorization", "api-token", "content-type")
_JOB = {"activecampaign": "batchId", "constant_contact": "activity_id"}
"""The member of an answer that names the job which does the work."""


def keep_tokens(vendors: Mapping[str, Vendor], folder: Path) -> None:
    """Have the sandboxes at which one signs in keep their tokens in files of a folder, also those there."""
    for name, kind in _TOKENS.items():
        sandbox_of(vendors[name]).tokens = kind(folder / f"{name}.json")


def kept(folder: Path, writes: Sequence[Write]) -> Mapping[str, Any]:
    """Return all that vendors need, by their names."""
    every: dict[str, Any] = {}
    for write in writes:
        of = every.setdefault(write.vendor, {"tokens": None, "writes": []})
        headers = write.request.headers
        of["writes"].append(
            {
                "at": write.at.isoformat(),
                "url": str(write.request.url),
                "headers": {name: headers[name] for name in _SIGNED if name in headers},
                "body": write.request.content.decode(),
                "job": _job(write.vendor, write.answer),
            }
        )
    for name in _TOKENS:
        every[name]["tokens"] = json.loads((folder / f"{name}.json").read_text())
    return every


async def restore(
    vendors: Mapping[str, Vendor], clock: FakeClock, copied: Mapping[str, Any], folder: Path
) -> None:
    """Tell new sandboxes all that the earlier ones were told, at the same instants; jobs keep their ids."""
    for name, of in copied.items():
        if of["tokens"] is not None:
            (folder / f"{name}.json").write_text(json.dumps(of["tokens"]))
    keep_tokens(vendors, folder)
    writes = [(each["at"], name, each) for name, of in copied.items() for each in of["writes"]]
    for at, name, write in sorted(writes, key=lambda each: each[:2]):
        until(clock, datetime.fromisoformat(at))
        await _repeat(vendors[name], write)


def until(clock: FakeClock, at: datetime) -> None:
    """Let the time go by until an instant."""
    clock.advance((at - clock.now()).total_seconds())


async def _repeat(vendor: Vendor, write: Mapping[str, Any]) -> None:
    sandbox = sandbox_of(vendor)
    latency, sandbox.latency = sandbox.latency, 0
    async with httpx.AsyncClient(transport=InProcess(vendor.app)) as http:
        answer = await http.post(write["url"], content=write["body"], headers=write["headers"])
    sandbox.latency = latency
    assert answer.is_success, answer.text
    if job := _job(vendor.name, answer):
        _rename(vendor, job, write["job"])


def _job(vendor: str, answer: httpx.Response) -> str | None:
    return str(answer.json()[_JOB[vendor]]) if vendor in _JOB else None


def _rename(vendor: Vendor, job: str, known: str) -> None:
    """Give a job of the first account the id that our checkpoint knows it by."""
    account = sandbox_of(vendor).accounts[1]
    if vendor.name == "activecampaign":
        batches = account.imports.batches
        batches[known] = batches.pop(job)
        batches[known].id = known
    else:
        [activity] = [each for each in account.activities.all if each.id == job]
        activity.id = known
