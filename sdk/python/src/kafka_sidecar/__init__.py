"""Receive Kafka records from Kafka Sidecar: write a function of a batch, serve it.

from kafka_sidecar import Batch, serve

def handle(batch: Batch) -> None:   # returning acknowledges, raising is a failed attempt
    for record in batch.records:
        save(record.json())

serve(handle, port=8080)
"""

from ._answers import Response
from ._asgi import asgi
from ._each import each
from ._exchange import Exchange
from ._failures import Busy, Failure, Refusal, Reject, Retry
from ._handler import AsyncHandler, Handler
from ._model import Batch, OffsetRange, Partition, Record, Records
from ._server import Server, serve
from ._wsgi import wsgi

__all__ = [
    "AsyncHandler",
    "Batch",
    "Busy",
    "Exchange",
    "Failure",
    "Handler",
    "OffsetRange",
    "Partition",
    "Record",
    "Records",
    "Refusal",
    "Reject",
    "Response",
    "Retry",
    "Server",
    "asgi",
    "each",
    "serve",
    "wsgi",
]
