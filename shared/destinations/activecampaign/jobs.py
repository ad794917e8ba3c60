"""ActiveCampaign: who is at fault when an import is refused, and what became of one that was queued.

Facts and their sources:
- A refused import names contacts by number. Whether the first is 0 or 1 is written nowhere.
- `import/info` names the addresses that failed, without a reason (reference/bulk-import-status-info).
- Reasons come only with the callback of an import: numbers, and "an array of error messages for each
  failed contact" (description). Its names are written nowhere, nor that it is JSON.
- Imports leave out who left the list, who is on the exclusion list and who bounced; the words for it
  are not published.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson

from shared.destinations.activecampaign.answers import LONGEST_REASON, TITLE, ImportRefused
from shared.destinations.addresses import addresses_in
from shared.destinations.answers import ended, parsing_answer
from shared.destinations.contract import JobFiles
from shared.destinations.model import FinishedJob
from shared.domain.email import normal_form
from shared.domain.errors import BatchRefused
from shared.domain.job import Job
from shared.domain.message import say
from shared.domain.outcomes import Outcome, RowOutcome

_UNDER_WAY = (False, "waiting", "claimed", "active")
_DID_NOTHING = ("failed", "interrupted")
_SAID_NO = ("unsubscribe", "exclu", "bounce", "opted out", "opt-out", "suppress")
_NO_REASON = say(
    "{destination} did not import it and gave no reason. The person may have left the list, or the "
    "address bounced, is excluded or is invalid.",
    destination=TITLE,
)

_ABOUT_ERRORS = re.compile("error|reason|message|fail", re.IGNORECASE)
_KEY_OF_A_FORM = re.compile(r"(.{0,1000})\[([^\[\]]{0,200})\]")  # failures[0][email]


@dataclass(frozen=True, slots=True)
class Numbering:
    """From which number each account counts the contacts of an import, once it has shown."""

    _first: dict[str, int] = field(default_factory=dict)

    def judged(self, refusal: ImportRefused, size: int) -> BatchRefused:
        """Name who is at fault in an import of `size` contacts, or where to cut it to find out.

        Counted from 0, a named number is the contact after the cut; counted from 1, the one before.
        So the next refusal of a piece names 0 in the one case, and its last contact in the other.
        """
        numbers = dict(refusal.named)
        first = self._of(refusal.account, numbers, size)
        if first is None:
            cut = _cut(numbers, size) if _makes_sense(numbers, size) else None
            return BatchRefused(refusal.code, refusal.reason, cut=cut)
        guilty = [
            RowOutcome(number - first, Outcome.REFUSED, refusal.code, why or refusal.reason)
            for number, why in sorted(numbers.items())
        ]
        return BatchRefused(refusal.code, refusal.reason, guilty)

    def _of(self, account: str, numbers: Collection[int], size: int) -> int | None:
        if not _makes_sense(numbers, size):
            self._first.pop(account, None)
        elif 0 in numbers:
            self._first[account] = 0
        elif size in numbers:
            self._first[account] = 1
        return self._first.get(account)


def _cut(numbers: Collection[int], size: int) -> int | None:
    """Choose a number that leaves no piece of one contact if there is one, because those cost more."""
    in_doubt = [number for number in numbers if 0 < number < size]
    return min(in_doubt, key=lambda number: (number in (1, size - 1), number), default=None)


def _makes_sense(numbers: Collection[int], size: int) -> bool:
    in_range = all(0 <= number <= size for number in numbers)
    return in_range and not (0 in numbers and size in numbers)


async def finished(
    job: Job, answer: Any, files: JobFiles, may_be_told_why: bool
) -> Sequence[FinishedJob]:
    """Return what became of an import, if it is over and nobody who failed `may_be_told_why` yet."""
    with parsing_answer(TITLE):
        status = answer["status"]
        if status in _UNDER_WAY:
            return ()
        if status in _DID_NOTHING:
            return [FinishedJob(job, failed=ended(TITLE, str(status)))]
        if status != "completed":
            raise ValueError("an unknown status")
        failed = _addresses(answer["failure"])
    if not failed:
        return [FinishedJob(job)]
    why = {mail: text for each in await files.reports(job) for mail, text in reasons(each).items()}
    if may_be_told_why and not failed <= why.keys():
        return ()
    return [FinishedJob(job, _outcomes(failed, why, (await files.batch(job)).index_of()))]


def _addresses(listed: Any) -> set[str]:
    """Return addresses in their normal form; raise TypeError for what lists none."""
    if isinstance(listed, dict):
        listed = list(listed.values())  # which is how PHP writes a list with gaps
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise TypeError("no list of addresses")
    return {normal_form(each) for each in listed}


def _outcomes(
    failed: Collection[str], why: Mapping[str, str], index_of: Mapping[str, int]
) -> Sequence[RowOutcome]:
    """Return an outcome for everybody who failed, with no index for who cannot be found again."""
    return [_outcome(index_of.get(mail), why.get(mail)) for mail in sorted(failed)]


def _outcome(index: int | None, why: str | None) -> RowOutcome:
    if why is None:
        return RowOutcome(index, Outcome.REFUSED, "no_reason", _NO_REASON)
    said_no = any(phrase in why.lower() for phrase in _SAID_NO)
    outcome = Outcome.SUPPRESSED if said_no else Outcome.REFUSED
    return RowOutcome(index, outcome, "not_imported", why)


def reasons(report: bytes) -> Mapping[str, str]:
    """Find addresses and what is said of them in a report, whatever its shape."""
    found: dict[str, str] = {}
    waiting: list[Any] = [_parsed(report)]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            found |= dict(_beside_addresses(part))
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
        elif isinstance(part, str) and len(mails := addresses_in(part)) == 1:
            mail = mails[0].rstrip(".")
            if len(part.strip()) > len(mails[0]):  # there is more than the address
                found.setdefault(normal_form(mail), part[:LONGEST_REASON])
    return found


def _parsed(report: bytes) -> Any:
    try:
        return orjson.loads(report)
    except orjson.JSONDecodeError:
        return _form(report.decode(errors="replace"))


def _form(text: str) -> Mapping[str, Any]:
    """Read a form such as failures[0][email]=…&failures[0][error]=…, or one that holds JSON."""
    groups: dict[str, dict[str, Any]] = {}
    for key, value in parse_qsl(text):
        nested = _KEY_OF_A_FORM.fullmatch(key)
        group, name = nested.groups() if nested else ("", key)
        try:
            groups.setdefault(group, {})[name] = orjson.loads(value)
        except orjson.JSONDecodeError:
            groups.setdefault(group, {})[name] = value
    return groups


def _beside_addresses(part: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return what an object says of the one address in it, and of each address that is a key."""
    texts = {name: each for name, each in part.items() if isinstance(each, str) and each.strip()}
    mails = {name for name, each in texts.items() if _is_address(each.strip())}
    others = [(bool(_ABOUT_ERRORS.search(name)), len(texts[name]), name) for name in texts]
    others = [each for each in others if each[2] not in mails]
    if len(mails) == 1 and others:
        why = texts[max(others)[2]]
        yield normal_form(texts[mails.pop()]), why[:LONGEST_REASON]
    for name, why in part.items():
        if _is_address(name) and (said := _text(why)).strip():
            yield normal_form(name), said[:LONGEST_REASON]


def _is_address(text: str) -> bool:
    return addresses_in(text) == [text]


def _text(why: Any) -> str:
    if isinstance(why, list):
        return "; ".join(each for each in why if isinstance(each, str))
    return why if isinstance(why, str) else ""
