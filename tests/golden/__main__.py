"""`python -m tests.golden`: rewrite the golden files, for a commit that says why they change."""

import asyncio

from tests.golden.documents import DOCUMENTS, FILES
from tests.telemetry.recorder import the_recorder


async def rewrite() -> None:
    """Write every file as the code of now would."""
    for name, document in DOCUMENTS.items():
        (FILES / name).write_text(await document(the_recorder()))


if __name__ == "__main__":
    asyncio.run(rewrite())
