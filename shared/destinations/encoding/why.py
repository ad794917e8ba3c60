"""Why a value is left out of a profile."""

from enum import Enum, auto

from shared.domain.message import Message, say


class Why(Enum):
    """Why a value is left out."""

    NOT = auto()  # it is not of the field's type
    LONG = auto()  # it is longer than the field
    ORDER = auto()
    SHORT_YEAR = auto()
    YEAR = auto()
    NUMBER = auto()
    THOUSANDS = auto()
    EXPONENT = auto()
    OWN = auto()  # by a rule of the destination's own, which tells of it

    def words(self, must_be: Message, longest: Message) -> Message:
        """Return it as a part of a sentence; `must_be` is what a value is, `longest` how long."""
        match self:
            case Why.NOT:
                return say("it must be {what}", what=must_be)
            case Why.LONG:
                return say("it is longer than {longest}", longest=longest)
            case _:
                return _WORDS[self]


_WORDS = {
    Why.ORDER: say("nobody can tell whether the day or the month comes first"),
    Why.SHORT_YEAR: say("the year has two digits"),
    Why.YEAR: say("the year is before 1000 or after 9999"),
    Why.NUMBER: say("a number alone is no date"),
    Why.THOUSANDS: say(
        "nobody can tell whether the mark stands for thousands or before a fraction"
    ),
    Why.EXPONENT: say("a number with an exponent is no phone number"),
}
