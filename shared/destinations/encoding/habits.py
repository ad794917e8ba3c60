"""How the cells of one version are written: what people said of it, and what its columns show.

`13/01/2026` shows that the day comes first in its column, `1,234.5` that the comma stands between thousands.
What one value shows holds for all of its column, also for those before it: so whoever has read a version
asks `is_settled`, and reads it anew with what is known now if it is not.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from shared.domain.reading import DateOrder

NULL = "\\N"
"""What databases write for an empty cell, whatever else does."""


@dataclass(slots=True)
class Habit:
    """How the values of one column are written."""

    told_order: DateOrder | None = None  # by people
    earlier_order: DateOrder | None = None  # as an earlier version showed it
    told_decimal: str | None = None  # by people: . or ,
    is_typed: bool = (
        False  # whether the rows at hand have numbers as such, and not as people write them
    )
    orders: set[DateOrder] = field(default_factory=set)  # that values showed
    decimals: set[str] = field(default_factory=set)  # the same
    _used: set[object] = field(
        default_factory=set
    )  # what was taken for the order, or the decimal mark

    @property
    def order(self) -> DateOrder | None:
        """Whether the day or the month comes first; None where nobody can tell."""
        if self.told_order:
            return self.told_order
        if self.orders:
            return next(iter(self.orders)) if len(self.orders) == 1 else None
        return self.earlier_order

    @property
    def decimal(self) -> str | None:
        """What stands before the fraction of a number; None where nobody can tell."""
        if self.told_decimal:
            return self.told_decimal
        return next(iter(self.decimals)) if len(self.decimals) == 1 else None

    @property
    def is_point_plain(self) -> bool:
        """Whether a single point stands before a fraction: so it is unless something else shows."""
        return self.told_decimal != "," and "," not in self.decimals

    def use_order(self) -> DateOrder | None:
        """Return the order for a value that depends on it."""
        self._used.add(("order", self.order))
        return self.order

    def use_decimal(self) -> str | None:
        """Return the decimal mark for a value that depends on it."""
        self._used.add(("decimal", self.decimal))
        return self.decimal

    def use_point(self) -> bool:
        """Return `is_point_plain` for values that depend on it."""
        self._used.add(("point", self.is_point_plain))
        return self.is_point_plain

    @property
    def lacks_order(self) -> bool:
        """Whether values depend on an order of which neither people nor the column say anything."""
        return not self.orders and ("order", None) in self._used

    @property
    def is_settled(self) -> bool:
        """Whether all values were taken as they would be now."""
        now = {
            ("order", self.order),
            ("decimal", self.decimal),
            ("point", self.is_point_plain),
        }
        return self._used <= now

    def anew(self) -> "Habit":
        """Return the same for reading the version once more, with all that is known by now."""
        return Habit(
            self.told_order,
            self.earlier_order,
            self.told_decimal,
            orders=self.orders,
            decimals=self.decimals,
        )


@dataclass(frozen=True, slots=True)
class Habits:
    """How the cells of a version are written; `columns` are in the order of the cells."""

    columns: Sequence[Habit]
    nulls: Collection[str] = frozenset([NULL])  # spellings of an empty cell

    @property
    def is_settled(self) -> bool:
        """Whether all values were taken as they would be now."""
        return all(habit.is_settled for habit in self.columns)

    def anew(self) -> "Habits":
        """Return the same for reading the version once more, with all that is known by now."""
        return Habits([habit.anew() for habit in self.columns], self.nulls)
