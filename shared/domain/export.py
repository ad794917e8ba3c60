"""An export: a standing order that sends segments to one list of a connection."""

from datetime import datetime

from pydantic import BaseModel


class Export(BaseModel, frozen=True):
    """Which segments go to which list, and which column of them fills which field."""

    id: str
    name: str
    connection_id: str
    list_id: str
    list_name: str
    fields: dict[str, str]  # field of the destination -> column of the segment files
    clear_when_empty: list[
        str
    ] = []  # of these fields; an empty cell of any other leaves what is there
    options: list[str] = []  # the destination's own, those that are on
    segments: list[str]
    on_arrival: bool = True  # run when a new file of one of the segments lands
    on_refresh: bool = True  # run with every scheduled refresh
    created_at: datetime
