"""Constant Contact: imports are jobs, told of in one collection, by numbers more than by names.

Facts and their sources:
- `GET /activities` tells of all jobs of the last 10 days at once (description). A job that is no longer
  there ends as the engine ends it: unknown after a day.
- `created_at` of a job is when it was created, and never changes (description).
- `cannot_add_to_list_count` counts who unsubscribed from the account, `error_count` and
  `correctable_count` who could not be imported (description). `person_count` should be what was sent.
- Messages are plain strings; V2 gave fewer than there were errors, such as "Line 355: Invalid email".
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shared.destinations.addresses import addresses_in
from shared.destinations.answers import ended, parsing_answer
from shared.destinations.constant_contact.answers import ID, TITLE, pages
from shared.destinations.contract import Api, JobFiles
from shared.destinations.model import FinishedJob
from shared.domain.email import normal_form
from shared.domain.job import Job, ListedJob
from shared.domain.message import say
from shared.domain.outcomes import Outcome, RowOutcome

_DID_NOTHING = ("cancelled", "failed", "timed_out")
_COUNTERS = ("person_count", "cannot_add_to_list_count", "error_count", "correctable_count")
_SAID_NO = ("unsubscribed", "cannot be added", "opted out")
_CODES = {Outcome.SUPPRESSED: "cannot_add_to_list", Outcome.REFUSED: "contact_error"}
_LONGEST_TEXT = 300


async def listed(api: Api, size: int | None) -> Collection[ListedJob]:
    """Return the imports of the account, or those of so many contacts."""
    found: list[ListedJob] = []
    async for activities in pages(api, "/activities", "activities", limit="500"):
        with parsing_answer(TITLE):
            for each in activities:
                job_id, created_at = id_of(each), _created_at(each)
                if created_at and (size is None or _holds(each, size)):
                    found.append(ListedJob(id=job_id, created_at=created_at))
    return found


async def over(api: Api, jobs: Sequence[Job], files: JobFiles) -> Sequence[FinishedJob]:
    """Find jobs among those of the account, and return those that are over."""
    waiting = {job.id: job for job in jobs}
    found: list[FinishedJob] = []
    async for activities in pages(api, "/activities", "activities", limit="500"):
        for activity in activities:
            if job := waiting.pop(str(activity.get("activity_id")), None):
                found += await _finished(job, activity, files)
        if not waiting:
            break
    return found


def id_of(activity: Mapping[str, Any]) -> str:
    """Return the id of a job; raise what `parsing_answer` catches."""
    key = activity["activity_id"]
    if not ID.fullmatch(key):
        raise ValueError("no id of an activity")
    return str(key)


def _created_at(activity: Mapping[str, Any]) -> datetime | None:
    """Return when an activity was created; None if it does not say so."""
    try:
        said = datetime.fromisoformat(activity["created_at"])
    except (KeyError, TypeError, ValueError):
        return None
    return said if said.tzinfo else said.replace(tzinfo=UTC)


def _holds(activity: Mapping[str, Any], size: int) -> bool:
    """Say whether an activity has so many contacts; by its description it counts a header row, too."""
    status = activity.get("status") or {}
    total, people = status.get("items_total_count"), status.get("person_count")
    return total == size or (total == size + 1 and people == size)


async def _finished(
    job: Job, activity: Mapping[str, Any], files: JobFiles
) -> Sequence[FinishedJob]:
    """Return what became of a job, if it is over."""
    state = activity.get("state")
    if state in _DID_NOTHING:
        return [FinishedJob(job, failed=ended(TITLE, str(state)))]
    if state != "completed":
        return ()
    with parsing_answer(TITLE):
        status = activity["status"]
        counts = {name: max(0, int(status.get(name) or 0)) for name in _COUNTERS}
        texts = [
            str(each["message"] if isinstance(each, dict) else each)
            for each in activity.get("activity_errors") or ()
        ]
    named = any("@" in text for text in texts)
    index_of = (await files.batch(job)).index_of() if named else {}
    return [FinishedJob(job, _outcomes(job.size, counts, texts, index_of))]


def _outcomes(
    size: int, counts: Mapping[str, int], texts: Sequence[str], index_of: dict[str, int]
) -> Sequence[RowOutcome]:
    """Turn counters into outcomes, with the words and the rows of messages as far as they go.

    How many there are of each outcome is up to the counters, and together they are never more than
    there were profiles. `person_count` may or may not include those that the other counters tell of,
    so only what none of them explains is unknown.
    """
    said_no = min(counts["cannot_add_to_list_count"], size)
    refused = min(counts["error_count"] + counts["correctable_count"], size - said_no)
    missing = max(0, size - said_no - refused - counts["person_count"])
    left = {Outcome.SUPPRESSED: said_no, Outcome.REFUSED: refused}
    outcomes: list[RowOutcome] = []
    for index, text in sorted(_with_rows(texts, index_of), key=lambda each: each[0] is None):
        no = any(phrase in text.lower() for phrase in _SAID_NO)
        for outcome in sorted(left, key=lambda each: (each is Outcome.SUPPRESSED) is not no):
            if left[outcome]:
                left[outcome] -= 1
                code = _CODES[outcome]
                outcomes.append(RowOutcome(index, outcome, code, text[:_LONGEST_TEXT]))
                break
    nobody = say("{destination} tells how many there were, but not who.", destination=TITLE)
    for outcome, number in left.items():
        outcomes += [RowOutcome(None, outcome, _CODES[outcome], nobody)] * number
    fewer = say("{destination} counted fewer contacts than it was sent.", destination=TITLE)
    return outcomes + [RowOutcome(None, Outcome.UNKNOWN, "not_counted", fewer)] * missing


def _with_rows(texts: Sequence[str], index_of: dict[str, int]) -> Iterator[tuple[int | None, str]]:
    """Yield messages with the row whose address they hold, each row once; None for all others.

    The number of a line proves nothing: it may count from 0 or 1, or a header.
    """
    for text in texts:
        said = (normal_form(each.strip(".'")) for each in addresses_in(text))
        yield next((index_of.pop(each) for each in said if each in index_of), None), text
