"""What storage holds under chaos, read the product's own way."""

from azure.data.tables import TableClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from shared.domain.run import Progress, Run
from shared.records.records import scan
from shared.runs.history import list_runs, run_progress
from shared.storage.entries import ALL, SettingsTable
from tests.e2e.records import Records


class RealRecords(Records):
    """Records of every run, and of what runs leave behind."""

    def runs(self, export_id: str) -> list[tuple[Run, Progress]]:
        """Return all runs of an export, the newest first."""

        async def read() -> list[tuple[Run, Progress]]:
            found: list[tuple[Run, Progress]] = []
            after = ""
            while page := await list_runs(self._services, export_id, after):
                found += [
                    (each.value, await run_progress(self._services, each.value)) for each in page
                ]
                after = page[-1].key
            return found

        return self._wait(read())

    def left_over(self) -> list[str]:
        """Return what nothing needs once every run is over."""

        async def look() -> list[str]:
            storage = self._storage
            active = [f"due {each.key}" async for each in scan(storage.active_runs, ALL)]
            asked = [
                f"cancel {each.key}"
                async for each in scan(storage.bookmarks, SettingsTable.CANCELS)
            ]
            files = [each.name async for each in storage.run_files.list()]
            return active + asked + [f"part {name}" for name in files if "/parts/" in name]

        return self._wait(look()) + self._lanes() + self._lines() + self._messages()

    def _lanes(self) -> list[str]:
        with BlobServiceClient.from_connection_string(self._connection) as service:
            lanes = service.get_container_client("lanes").list_blobs()
            return [f"lane {blob.name}" for blob in lanes if blob.lease.state == "leased"]

    def _lines(self) -> list[str]:
        with TableClient.from_connection_string(self._connection, "due") as table:
            waiting = table.query_entities("PartitionKey ge 'line-' and PartitionKey lt 'line.'")
            return [f"in {each['PartitionKey']} {each['RowKey']}" for each in waiting]

    def _messages(self) -> list[str]:
        """Return the messages that wait, and those that were given up.

        A message with a delay waits for its time although the run was woken earlier; so only those
        that are due count, but of poison queues all do.
        """
        found = []
        with QueueServiceClient.from_connection_string(self._connection) as service:
            for each in service.list_queues():
                queue = service.get_queue_client(each.name)
                if "poison" in each.name:
                    number = queue.get_queue_properties().approximate_message_count or 0
                else:
                    number = len(queue.peek_messages(max_messages=32))
                found += [f"message in {each.name}"] * number
        return found
