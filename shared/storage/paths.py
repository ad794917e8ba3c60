"""The names of a run's blobs and records, in one place."""

CHECKPOINT = "checkpoint"
"""The key of a run's checkpoint; its partition is the run's id."""


def folder(run_id: str) -> str:
    """Return the folder of a run in the `runs` container."""
    return f"{run_id}/"


def parts_folder(run_id: str) -> str:
    """Return the folder of a run's prepared work, which is deleted when the run ends."""
    return f"{run_id}/parts/"


def part(run_id: str, number: int) -> str:
    """Return the blob of a part."""
    return f"{parts_folder(run_id)}{number:05d}.gz"


def digests(run_id: str) -> str:
    """Return the blob of what an export's delivered state will be if every profile is accepted."""
    return f"{parts_folder(run_id)}digests"


def reject_file(run_id: str, number: int) -> str:
    """Return the blob that holds the rejects of one checkpoint."""
    return f"{run_id}/rejects/{number:06d}.jsonl"


def reports_folder(run_id: str, batch: int) -> str:
    """Return the folder of what a destination reported by itself on one batch."""
    return f"{run_id}/parts/reports/{batch}/"
