"""The blob trigger: a segment file landed.

It binds an SDK client and never an `InputStream`, which would be the whole file in memory. The client
only names the file: ours opens it, pinned by its ETag. On Azure the source must be Event Grid (the only
one that Flex Consumption has); locally it is polling. The app setting SEGMENT_EVENTS says which.
"""

import os

import azure.functions as func
import azurefunctions.extensions.bindings.blob as blob

from functions.execution import execution

blueprint = func.Blueprint()


@blueprint.blob_trigger(
    arg_name="client",
    path="segments/{name}",
    connection="DataStorage",
    source=func.BlobSource(os.environ.get("SEGMENT_EVENTS", func.BlobSource.EVENT_GRID.value)),
)
async def arrivals(client: blob.BlobClient) -> None:
    """Begin the runs of the exports that follow the file's segment, and stream their first slices."""
    async with execution("arrivals") as services:
        from shared.triggers.arrivals import arrive

        await arrive(services, client.blob_name)
