"""The handler behind the sidecar: behind_sidecar.py PORT EXPECT HOW MODE. HOW it takes values: bytes, or objects by record.json()."""

import sys

from handler import Handler
from kafka_sidecar import Batch, Record, serve


def main(port: str, expect: str, how: str, mode: str) -> None:
    handler = Handler(mode, int(expect))

    def handle(batch: Batch) -> None:
        handler.handle([record.value for record in batch.records])

    def handle_objects(batch: Batch) -> None:
        handler.handle_objects(map(Record.json, batch.records), len(batch.records))

    serve(handle_objects if how == "objects" else handle, port=int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
