"""Says which types of columns can fill a field, and brings their values to what can be written as text."""

from collections.abc import Callable, Sequence
from typing import Any

from shared.arrow import TEXT, pa
from shared.segments.formats.cell_text import text_of

_NOT_MAPPABLE: Sequence[Callable[[Any], bool]] = (
    pa.types.is_nested,
    pa.types.is_fixed_size_binary,
    pa.types.is_duration,
    pa.types.is_interval,
)


def is_mappable(kind: Any) -> bool:
    """Return whether a field can be filled with values of an Arrow type."""
    return not any(refuses(kind) for refuses in _NOT_MAPPABLE)


def is_number(kind: Any) -> bool:
    """Return whether values of an Arrow type are numbers."""
    types = pa.types
    kind = kind.value_type if types.is_dictionary(kind) else kind
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def texts(array: Any) -> list[str]:
    """Return the texts of values."""
    values = _plain(array)
    try:
        return list(map(text_of, values.to_pylist()))
    except (ValueError, OverflowError):
        if not pa.types.is_temporal(array.type):
            raise
        return list(map(_text_of_time, values))


def _text_of_time(scalar: Any) -> str:
    """Return the text of an instant, also of one in a year that Python does not know."""
    try:
        return text_of(scalar.as_py())
    except (ValueError, OverflowError):
        far = str(scalar.cast(TEXT))
        return str(scalar.value) if far.startswith("<") else far  # beyond what Arrow knows


def _plain(array: Any) -> Any:
    """Return an array whose values `text_of` can write, if Python can hold them."""
    kind = array.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return array.cast(pa.timestamp("us", kind.tz), safe=False)
    if pa.types.is_time64(kind) and kind.unit == "ns":
        return array.cast(pa.time64("us"), safe=False)
    if pa.types.is_float16(kind) or pa.types.is_float32(kind):
        return array.cast(TEXT).cast(pa.float64())  # 12.1 and not 12.100000381469727
    return array
