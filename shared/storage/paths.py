"""The names of a run's blobs and records, and of the host's queues, in one place."""

from uuid import uuid4

POISON_SLICES = "slices-poison"
POISON_ARRIVALS = "webjobs-blobtrigger-poison"
"""The queues in which the Functions host puts messages and blob events that failed five times."""

CHECKPOINT = "checkpoint"
"""The key of a run's checkpoint; its partition is the run's id."""


def folder(run_id: str) -> str:
    """Return the folder of a run in the `runs` container."""
    return f"{run_id}/"


def parts_folder(run_id: str) -> str:
    """Return the folder of a run's prepared work, which is deleted when the run ends."""
    return f"{run_id}/parts/"


def unique_name() -> str:
    """Return a short name that nothing of any run has."""
    return uuid4().hex[:12]


def layout_folder(run_id: str, layout: str) -> str:
    """Return the folder of what one slice has laid out of a run; that of no layout has no name of its own."""
    return f"{parts_folder(run_id)}{layout}/" if layout else parts_folder(run_id)


def part(folder: str, number: int) -> str:
    """Return the blob of a part in the folder of a layout."""
    return f"{folder}{number:05d}.gz"


def digests(folder: str) -> str:
    """Return the blob of what an export's delivered state will be if every profile is accepted."""
    return f"{folder}digests"


def reject_file(run_id: str, name: str) -> str:
    """Return the blob that holds some of a run's rejects."""
    return f"{run_id}/rejects/{name}.jsonl"


REPORTED = "reported"
"""The key of how much of a run's reports was taken; its partition is the run's id."""


def reports_folder(run_id: str, batch: int) -> str:
    """Return the folder of what a destination reported by itself on one batch."""
    return f"{run_id}/parts/reports/{batch}/"
