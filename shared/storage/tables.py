"""The ports of records on Azure Table storage: a model's JSON beside a partition and a key."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from azure.core import MatchConditions
from azure.data.tables import TableEntity, UpdateMode
from azure.data.tables.aio import TableClient
from pydantic import BaseModel

from shared.storage.azure_errors import translated
from shared.storage.limits import check_record, check_table_key, is_table_key
from shared.storage.ports import Missing, Stale, Stored

_PIECE = 16_000
"""Characters of JSON in one property: it holds 32K UTF-16 units, and a character may take two."""


class TableTrail[T: BaseModel]:
    """The `Trail` of one table, which must exist.

    An insert whose answer is lost is not asked for again: it raises Unavailable, and may have worked.
    """

    def __init__(self, table: TableClient, model: type[T]) -> None:
        self._table = table
        self._model = model

    async def insert(self, partition: str, key: str, value: T) -> str:
        """Store a new record and return its ETag; raise AlreadyExists."""
        entity = _entity(partition, key, value)
        with self._translated(partition, key):
            return _etag(await self._table.create_entity(entity))

    async def page(
        self, partition: str, *, after: str = "", before: str = "\uffff", limit: int = 100
    ) -> Sequence[Stored[T]]:
        """Return up to `limit` records, by key, with `after` < key < `before`."""
        if not is_table_key(partition):
            return []
        after = after if is_table_key(after) else ""
        query = "PartitionKey eq @partition and RowKey gt @after"
        if before != "\uffff":  # no character, so nothing promises that the service takes it
            query += " and RowKey lt @before"
        found: list[Stored[T]] = []
        with self._translated(partition, "…"):
            async for entity in self._table.query_entities(
                query,
                parameters={"partition": partition, "after": after, "before": before},
                results_per_page=min(limit, 1000),  # the most that the service gives
            ):
                found.append(self._stored(entity))
                if len(found) == limit:
                    break
        return found

    def _stored(self, entity: TableEntity) -> Stored[T]:
        value = self._model.model_validate_json("".join(_pieces(entity)))
        return Stored(entity["RowKey"], value, _etag(entity.metadata))

    def _translated(self, partition: str, key: str) -> AbstractContextManager[None]:
        return translated(f"{self._table.table_name}/{partition}/{key}")


class TableRecords[T: BaseModel](TableTrail[T]):
    """The `Records` of one table.

    When the answer to a replace is lost the SDK asks again, and one that had worked the first time then
    raises Stale.
    """

    async def get(self, partition: str, key: str) -> Stored[T] | None:
        """Return the record, or None."""
        if not is_table_key(partition, key):
            return None
        try:
            with self._translated(partition, key):
                return self._stored(await self._table.get_entity(partition, key))
        except Missing:
            return None

    async def replace(self, partition: str, key: str, value: T, etag: str) -> str:
        """Replace the record that has this ETag and return the new one; raise Stale."""
        entity = _entity(partition, key, value)
        try:
            with self._translated(partition, key):
                answer = await self._table.update_entity(
                    entity,
                    mode=UpdateMode.REPLACE,
                    etag=etag,
                    match_condition=MatchConditions.IfNotModified,
                )
        except Missing as gone:
            raise Stale(*gone.args) from gone
        return _etag(answer)

    async def put(self, partition: str, key: str, value: T) -> None:
        """Store the record whatever was there."""
        entity = _entity(partition, key, value)
        with self._translated(partition, key):
            await self._table.upsert_entity(entity, mode=UpdateMode.REPLACE)

    async def delete(self, partition: str, key: str, etag: str | None = None) -> None:
        """Remove the record if it is there; with an ETag raise Stale unless that is current."""
        if etag is not None:
            await self._delete_version(partition, key, etag)
        elif is_table_key(partition, key):
            with self._translated(partition, key):
                await self._table.delete_entity(partition, key)

    async def _delete_version(self, partition: str, key: str, etag: str) -> None:
        # A transaction of one, because delete_entity takes a record that is gone for a success: two
        # callers who both delete what they read would both believe that they did.
        entity = {"PartitionKey": partition, "RowKey": key}
        guard = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        try:
            with self._translated(partition, key):
                await self._table.submit_transaction([("delete", entity, guard)])
        except Missing as gone:
            raise Stale(*gone.args) from gone


def _entity(partition: str, key: str, value: BaseModel) -> dict[str, str]:
    """Return the entity whose properties body, body1, body2 … joined are the JSON of the value."""
    check_table_key(partition, key)
    body = value.model_dump_json()
    check_record(body)
    entity = {"PartitionKey": partition, "RowKey": key}
    for number, start in enumerate(range(0, len(body), _PIECE)):
        entity[_property(number)] = body[start : start + _PIECE]
    return entity


def _pieces(entity: TableEntity) -> Iterator[str]:
    number = 0
    while (piece := entity.get(_property(number))) is not None:
        yield piece
        number += 1


def _property(number: int) -> str:
    return f"body{number or ''}"


def _etag(metadata: Mapping[str, Any]) -> str:
    return str(metadata["etag"])
