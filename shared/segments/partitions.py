"""Reads the columns that the names of folders tell, as Hive and all who followed it write them. No I/O.

`VIP=true/data_0.csv` has the value true in the column VIP, which the file does not have. What a name of a
folder cannot hold is written as `%` and two digits.
"""

from collections.abc import Mapping
from urllib.parse import unquote

from shared.segments.formats.names import column_name
from shared.segments.shards import is_partition

_NULL = "__HIVE_DEFAULT_PARTITION__"


def base_of(path: str) -> str | None:
    """Return the folder that the folders `column=value` of a path lie in, or None if it has none.

    The first folder is the segment, whatever its name.
    """
    folders = path.split("/")[:-1]
    for at, step in enumerate(folders):
        if at and is_partition(step):
            return "".join(f"{each}/" for each in folders[:at])
    return None


def columns_of(path: str) -> Mapping[str, str]:
    """Return the values that the folders of a path tell, by column; of two with one name the inner one."""
    steps = [step.partition("=") for step in path.split("/")[1:-1] if is_partition(step)]
    return {
        column_name(unquote(name)): "" if value == _NULL else unquote(value)
        for name, _, value in steps
    }
