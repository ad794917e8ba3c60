"""What is stored, reported and served is what the files say, byte for byte.

A change of it is a decision: `python -m tests.golden` writes the files anew.
"""

import pytest

from tests.golden.documents import DOCUMENTS, FILES
from tests.golden.randomness import without
from tests.telemetry.recorder import the_recorder


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_nothing_that_is_stored_or_said_has_changed(name: str) -> None:
    assert await DOCUMENTS[name](the_recorder()) == (FILES / name).read_text()


def test_there_is_no_other_file() -> None:
    assert {file.name for file in FILES.iterdir()} == DOCUMENTS.keys()


def test_only_what_differs_each_time_is_random() -> None:
    one = ["id 01a1fd559da8c03038432838a91c, sum d587374d2f3c", "c03038432838a91c"]
    other = ["id 01a1fd559da8ffffffffffffffff, sum d587374d2f3c", "ffffffffffffffff"]
    assert without(one, other) == ["id 01a1fd559da8<1>, sum d587374d2f3c", "<1>"]


def test_what_should_be_the_same_each_time_must_be() -> None:
    with pytest.raises(AssertionError, match="not the same each time"):
        without(["3 rows"], ["4 rows"])
