"""The same handler on confluent-kafka: on_confluent.py BROKER TOPIC GROUP EXPECT MODE.

Offsets are stored after the handler has returned and committed once a second, as the sidecar does.
"""

import signal
import sys
from types import FrameType

from confluent_kafka import Consumer, KafkaError, KafkaException
from handler import Handler

BATCH = 500


def main(broker: str, topic: str, group: str, expect: str, mode: str) -> None:
    handler = Handler(mode, int(expect))
    consumer = Consumer(
        {
            "bootstrap.servers": broker,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.offset.store": False,
            "auto.commit.interval.ms": 1000,
        }
    )
    consumer.subscribe([topic])
    running = True

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    while running:
        messages = consumer.consume(BATCH, timeout=0.5)
        for message in messages:
            if message.error() and message.error().code() != KafkaError._PARTITION_EOF:
                raise KafkaException(message.error())
        if messages:
            handler.handle([message.value() for message in messages])
            for last in {message.partition(): message for message in messages}.values():
                consumer.store_offsets(last)
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
