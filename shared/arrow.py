"""pyarrow, as this app uses it. Rows are read and written with it a column at a time.

It takes some 35 MB and 0.2 s to import, and most instances that answer HTTP read no rows. So modules that
import this are imported where rows are first read, inside a function.
"""

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["EMPTY", "TEXT", "pa", "pc"]

# pyarrow's own pools keep what was freed: that is 30 MB more for a run of any size, and no faster.
pa.set_memory_pool(pa.system_memory_pool())

# glibc asks the system for each column of some megabytes, page by page, and gives it back, until something
# larger was freed once. Of this buffer no page is ever touched.
pa.allocate_buffer(16 * 1024 * 1024)

TEXT = pa.string()
EMPTY = pa.scalar("", TEXT)
"""Kept, because a scalar takes longer to make than a short column to write."""
