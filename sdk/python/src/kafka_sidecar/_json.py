"""The body format application/json."""

from __future__ import annotations

import binascii
from operator import itemgetter
from typing import Any

from ._codec import has_long_number, loads, loads_body
from ._envelope import Claim, batch_of, claims, partition_of
from ._malformed import MAX_INT64, MalformedBatch, kind_of
from ._model import Batch, Headers, Partition, Rows
from ._spans import Span, value_spans


def parse_json(body: bytes | bytearray, json_values: bool) -> Batch:
    """The batch in a body. json_values: a string in "value" is JSON too, not text (`Sidecar-Value: json`).

    MalformedBatch if the body is no batch.
    """
    try:
        head = loads_body(body)
    except ValueError as error:
        raise MalformedBatch(f"the body is not JSON in UTF-8: {error}") from None
    rows = _JSONRows(body, json_values)
    partitions: list[Partition] = []
    for claim in claims(head):
        start = len(rows.offsets)
        rows.add(claim)
        partitions.append(partition_of(claim, rows, start, len(rows.offsets)))
    return batch_of(head, partitions)


class _JSONRows(Rows):
    """Rows over the parsed lists. Base64 is decoded at once, in place: there is no cheaper way to know that it is valid."""

    offsets: list[int]
    timestamps: list[int]

    def __init__(self, body: bytes | bytearray, json_values: bool) -> None:
        self.offsets = []
        self.timestamps = []
        self._body = body
        self._json_values = json_values
        self._records: list[dict[str, Any]] = []
        self._text = ""
        self._spans: list[Span] | None = None
        self._long_numbers: bool | None = None

    def add(self, claim: Claim) -> None:
        """Append the records of a partition. MalformedBatch if one has not the shape that it must have."""
        records = claim.content.get("records")
        if type(records) is not list:
            raise MalformedBatch(f"{claim.where}: records is {kind_of(records)}: it must be a list")
        for index, record in enumerate(records):
            if not _is_record(record):
                raise MalformedBatch(f"{claim.where}.records[{index}]{_what_is_wrong(record)}")
        self._records += records
        self.offsets += map(_offset, records)
        self.timestamps += map(_timestamp, records)

    def key(self, row: int) -> bytes | None:
        return _bytes(self._records[row], "key", "keyBase64")

    def value(self, row: int) -> bytes | None:
        record = self._records[row]
        if self._is_embedded(record):
            return self._embedded(row).encode()
        return _bytes(record, "value", "valueBase64")

    def text(self, row: int) -> str | None:
        record = self._records[row]
        if self._is_embedded(record):
            return self._embedded(row)
        value = record.get("value")
        return value if type(value) is str else super().text(row)

    def json(self, row: int) -> Any:
        record = self._records[row]
        if not self._is_embedded(record):
            return super().json(row)
        if self._long_numbers is None:
            self._long_numbers = has_long_number(self._body)
        return loads(self._embedded(row).encode()) if self._long_numbers else record["value"]

    def headers(self, row: int) -> Headers:
        return [(_name(header), _bytes(header, "value", "valueBase64")) for header in self._records[row]["headers"]]

    def _is_embedded(self, record: dict[str, Any]) -> bool:
        value = record.get("value")
        return value is not None and (self._json_values or type(value) is not str)

    def _embedded(self, row: int) -> str:
        if self._spans is None:
            self._text = str(self._body, "utf-8")
            self._spans = value_spans(self._text)
        start, end = self._spans[row]
        return self._text[start:end]


_offset = itemgetter("offset")
_timestamp = itemgetter("timestamp")


def _bytes(container: dict[str, Any], name: str, base64_name: str) -> bytes | None:
    if name not in container:
        value: bytes = container[base64_name]
        return value
    text: str | None = container[name]
    # Half a surrogate, which is no character, can only be written as an escape; it must not raise in the app.
    return None if text is None else text.encode("utf-8", "surrogatepass")


def _name(header: dict[str, Any]) -> str:
    if "name" in header:
        name: str = header["name"]
        return name
    raw: bytes = header["nameBase64"]
    return raw.decode("utf-8", "surrogateescape")


def _is_record(record: Any) -> bool:
    """One cheap look; _what_is_wrong says what it found."""
    return (
        type(record) is dict
        and type(record.get("offset")) is int
        and type(record.get("timestamp")) is int
        and -1 <= record["timestamp"] <= MAX_INT64
        and _is_text_or_base64(record, "key", "keyBase64")
        and ("value" in record) is not ("valueBase64" in record)
        and ("value" in record or _decode_base64(record, "valueBase64"))
        and type(record.get("headers")) is list
        and all(map(_is_header, record["headers"]))
    )


def _is_header(header: Any) -> bool:
    return (
        type(header) is dict
        and _is_text_or_base64(header, "name", "nameBase64")
        and header.get("name", "") is not None
        and _is_text_or_base64(header, "value", "valueBase64")
    )


def _is_text_or_base64(container: dict[str, Any], name: str, base64_name: str) -> bool:
    if name in container:
        text = container[name]
        return (type(text) is str or text is None) and base64_name not in container
    return _decode_base64(container, base64_name)


def _decode_base64(container: dict[str, Any], name: str) -> bool:
    """Put the bytes in the place of their base64. False if it is not standard padded base64."""
    text = container.get(name)
    if type(text) is not str:
        return type(text) is bytes  # decoded before
    try:
        decoded = binascii.a2b_base64(text)
    except ValueError:
        return False
    # The decoder passes over what is no base64: then it gives fewer bytes than the length promises.
    padding = text.endswith("=") + text.endswith("==")
    if len(text) % 4 or len(decoded) != len(text) // 4 * 3 - padding:
        return False
    container[name] = decoded
    return True


def _what_is_wrong(record: Any) -> str:
    if type(record) is not dict:
        return f" is {kind_of(record)}: it must be an object"
    for name in ("offset", "timestamp"):
        if type(record.get(name)) is not int:
            return f": {name} is {kind_of(record.get(name))}: it must be an integer"
    if not -1 <= record["timestamp"] <= MAX_INT64:
        return f": timestamp is {record['timestamp']}: it must be from -1 to {MAX_INT64}"
    if not _is_text_or_base64(record, "key", "keyBase64"):
        return ": there must be either a key (a string or null) or a keyBase64 (standard padded base64)"
    if type(record.get("headers")) is not list:
        return f": headers is {kind_of(record.get('headers'))}: it must be a list"
    for index, header in enumerate(record["headers"]):
        if not _is_header(header):
            return (
                f".headers[{index}]: it must be an object with either a name (a string) or a nameBase64, and either a value "
                "(a string or null) or a valueBase64 (standard padded base64)"
            )
    return ": there must be either a value or a valueBase64 (standard padded base64)"
