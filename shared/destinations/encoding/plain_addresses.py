"""Addresses of many rows at once: pyarrow brings those of the plain sort into their normal form."""

from typing import Any

from shared.arrow import pa, pc
from shared.domain.email import BEFORE, BEHIND, PLAIN
from shared.invisible import BLANKS

_WHOLE = f"^(?:{PLAIN})$"


def plain_addresses(emails: Any, longest: int) -> tuple[Any, Any]:
    """Return for each cell the address in its normal form, and whether it is plain.

    Both are arrays. Of a cell whose address is not plain, or longer than so many bytes, the first means
    nothing: `read_address` has to look at it. Brackets and the like around a plain address are taken away
    here, since whole files have them.
    """
    addresses = pc.ascii_lower(pc.ascii_trim_whitespace(emails))
    plain = _are_plain(addresses, longest)
    if pc.all(plain, min_count=0).as_py():
        return addresses, plain
    odd = pc.invert(plain)
    bare = pc.utf8_ltrim(addresses.filter(odd), characters=BEFORE + BLANKS)
    bare = pc.utf8_rtrim(bare, characters=BEHIND + BLANKS)
    found = pc.replace_with_mask(addresses, odd, bare)
    return found, pc.replace_with_mask(plain, odd, _are_plain(bare, longest))


def _are_plain(addresses: Any, longest: int) -> Any:
    return pc.and_(
        pc.match_substring_regex(addresses, _WHOLE),
        pc.less_equal(pc.binary_length(addresses), pa.scalar(longest, pa.int32())),
    )
