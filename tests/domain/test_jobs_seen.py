"""What a run keeps of the jobs it has seen, and which it takes for new."""

from datetime import UTC, datetime, timedelta

from shared.domain.job import JobsSeen, ListedJob

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def job(key: str, seconds: float) -> ListedJob:
    """Return a job that came so many seconds after noon."""
    return ListedJob(id=key, created_at=NOON + timedelta(seconds=seconds))


def test_a_job_is_new_if_it_is_younger_or_as_old_as_the_youngest_and_was_not_there() -> None:
    seen = JobsSeen.among([job("old", -60), job("young", 0), job("twin", 0)])
    assert seen == JobsSeen(newest=NOON, ids=["twin", "young"])
    assert not any(seen.is_new(each) for each in (job("young", 0), job("twin", 0)))
    assert not seen.is_new(job("came late", -1))
    assert seen.is_new(job("third", 0))
    assert seen.is_new(job("younger", 0.001))


def test_where_there_was_none_every_job_is_new_but_those_of_the_run() -> None:
    seen = JobsSeen.among([]).with_own(["mine"]).with_own(["mine", "mine, too"])
    assert seen.own == ["mine", "mine, too"]
    assert seen.is_new(job("other", -1e6))
    assert not seen.is_new(job("mine", 0))


def test_what_is_kept_stays_small_and_can_be_read_again() -> None:
    seen = JobsSeen.among(job(f"job-{n}", n) for n in range(5000))
    assert seen.ids == ["job-4999"]
    assert JobsSeen.model_validate_json(seen.model_dump_json()) == seen
