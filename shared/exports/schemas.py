"""What people may choose of an export, with the rules that need no look-up."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from shared.domain.message import say
from shared.domain.reading import DateOrder, Escape, Reading
from shared.domain.schedule import ExportSchedule, OwnSchedule
from shared.records.chosen import Chosen, Id, Name, visible
from shared.segments.encodings import encoding_name

# A blob's name has at most 1,024 characters; the limits on a mapping only bound what is stored.
type SegmentName = Annotated[
    str, StringConstraints(min_length=1, max_length=1024), AfterValidator(visible)
]
# The address of a page may stand there, too.
type ListId = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000),
    Field(description="Id of the list, or the address of its page at the destination."),
]
type Mapped = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=100)],
        Annotated[str, StringConstraints(min_length=1, max_length=500)],
    ],
    Field(
        max_length=50,
        description="Field of the destination: column of the segments that fills it.",
        examples=[{"email": "EMail", "first_name": "FirstName"}],
    ),
]
type Names = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=100)]],
    Field(max_length=50),
]
type Clears = Annotated[
    Names,
    Field(description="Mapped fields that an empty cell clears; it leaves all others as they are."),
]
type StrictFields = Annotated[
    bool,
    Field(
        description="Whether a value that its field cannot take makes the row invalid. Else the value is "
        "left out, the rest is sent, and the run's timeline counts it."
    ),
]
type Options = Annotated[
    Names, Field(description="Options of the destination that are on.", examples=[[]])
]
type Segments = Annotated[list[SegmentName], Field(min_length=1, max_length=50)]


class OwnScheduleChoice(OwnSchedule, frozen=True, extra="forbid", strict=True):
    """An export's own schedule, as somebody chooses it."""


class ScheduleChoice(ExportSchedule, frozen=True, extra="forbid", strict=True):
    """When an export is due, as somebody chooses it."""

    own: OwnScheduleChoice | None = Field(
        default=None, validate_default=True, description="Given if it follows its own."
    )

    def as_schedule(self) -> ExportSchedule:
        """Return it as it is stored."""
        return ExportSchedule.model_validate(self.model_dump())


_DELIMITERS = (",", ";", "\t", "|")
_TAB = "tab"  # how people write what cannot be seen


def _delimiter(given: str) -> str:
    delimiter = "\t" if given == _TAB else given
    if delimiter not in _DELIMITERS:
        raise ValueError(say("This must be a comma, a semicolon, a tab (or its name, tab) or a |."))
    return delimiter


def _decimal(given: str) -> str:
    if given not in (".", ","):
        raise ValueError(say("This must be a point or a comma."))
    return given


def _encoding(given: str) -> str:
    if encoding_name(given) is None:
        raise ValueError(
            say("There is no such encoding. Use a name of the WHATWG list, such as windows-1252.")
        )
    return given


class ReadingChoices(Chosen, frozen=True):
    """How a segment is read. Whatever is left out is found out."""

    delimiter: (
        Annotated[
            str,
            AfterValidator(_delimiter),
            Field(json_schema_extra={"enum": [*_DELIMITERS, _TAB]}),
        ]
        | None
    ) = Field(default=None, description="What separates the cells of CSV.")
    encoding: Annotated[str, StringConstraints(max_length=50), AfterValidator(_encoding)] | None = (
        Field(default=None, description="A name or label of the WHATWG list, such as windows-1252.")
    )
    escape: Annotated[Escape, Field(strict=False)] | None = Field(
        default=None, description="How a quote within quotes is written."
    )
    nulls: (
        Annotated[
            list[Annotated[str, StringConstraints(min_length=1, max_length=100)]],
            Field(max_length=10),
        ]
        | None
    ) = Field(default=None, description="What stands for an empty cell, beside \\N.")
    decimal: (
        Annotated[str, AfterValidator(_decimal), Field(json_schema_extra={"enum": [".", ","]})]
        | None
    ) = Field(default=None, description="What stands before the fraction of a number.")
    dates: (
        Annotated[
            dict[
                Annotated[str, StringConstraints(min_length=1, max_length=500)],
                Annotated[DateOrder, Field(strict=False)],
            ],
            Field(max_length=100),
        ]
        | None
    ) = Field(default=None, description="Column: the order of day, month and year in it.")

    def as_reading(self) -> Reading:
        """Return it as it is stored."""
        said = {name: value for name, value in self.model_dump().items() if value}
        return Reading.model_validate(said)


class ExportChoices(Chosen, frozen=True):
    """All that a person chooses of an export."""

    name: Name
    connection_id: Id
    list_id: ListId
    fields: Mapped
    clear_when_empty: Clears = Field(default=[])
    strict_fields: StrictFields = False
    options: Options = Field(default=[])
    segments: Segments
    on_arrival: bool = True
    schedule: ScheduleChoice = ScheduleChoice()


class ExportChanges(Chosen, frozen=True):
    """What to change of an export. Only members that are given count; no default is ever read."""

    name: Name = Field(default_factory=str)
    connection_id: Id = Field(default_factory=str)
    list_id: ListId = Field(default_factory=str)
    fields: Mapped = Field(default_factory=dict)
    clear_when_empty: Clears = Field(default_factory=list)
    strict_fields: StrictFields = Field(default_factory=bool)
    options: Options = Field(default_factory=list)
    segments: Segments = Field(default_factory=list)
    on_arrival: bool = Field(default_factory=bool)

    def given(self) -> dict[str, object]:
        """Return the members that the caller gave."""
        return self.model_dump(exclude_unset=True)


class CopyChoices(Chosen, frozen=True):
    """What may differ in a copy of an export."""

    name: Name | None = Field(default=None, description="Else that it is a copy of what.")


class Attachment(Chosen, frozen=True):
    """What to attach a detached export to. What is not given of the rest stays as it is."""

    connection_id: Id
    list_id: ListId
    fields: Mapped = Field(default_factory=dict)
    clear_when_empty: Clears = Field(default_factory=list)
    strict_fields: StrictFields = Field(default_factory=bool)
    options: Options = Field(default_factory=list)

    def given(self) -> dict[str, object]:
        """Return the members that the caller gave, but for the connection."""
        return self.model_dump(exclude_unset=True, exclude={"connection_id"})


class Existing(StrEnum):
    """What to do with exports that have a schedule of their own, or are off."""

    KEEP = "keep"
    OVERRIDE = "override"


class ManySchedules(Chosen, frozen=True):
    """One schedule for many exports."""

    schedule: ScheduleChoice
    exports: Annotated[list[Id], Field(max_length=10_000)] | None = Field(
        default=None, description="Their ids; every export that the caller may edit if left out."
    )
    existing: Existing = Field(
        default=Existing.KEEP,
        strict=False,
        description="Whether exports that have a schedule of their own, or are off, stay as they are.",
    )
