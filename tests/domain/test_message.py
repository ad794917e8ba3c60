"""Sentences with what is filled in, in English."""

from shared.domain.message import Message, say, say_count


def test_values_are_filled_in_and_large_numbers_can_be_read() -> None:
    assert str(say("{segment} has {rows} rows.", segment="A, B", rows=1_000_001)) == (
        "A, B has 1,000,001 rows."
    )


def test_a_count_chooses_the_sentence() -> None:
    assert str(say_count("{count} row", "{count} rows", 1)) == "1 row"
    assert str(say_count("{count} row", "{count} rows", 2_000)) == "2,000 rows"


def test_a_message_in_a_message_and_a_copy_from_storage_say_the_same() -> None:
    message = say("Not sent: {why}", why=say_count("{count} row", "{count} rows", 3))
    assert str(message) == "Not sent: 3 rows"
    assert Message.model_validate_json(message.model_dump_json()) == message


def test_braces_of_a_value_stay_as_they_are() -> None:
    assert str(say("It is called {name}.", name="{rows}")) == "It is called {rows}."
