package io.github.kafkasidecar;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/**
 * A record of a batch: a view of the request's body, which it keeps in memory as long as it lives. Nothing is decoded
 * before it is looked at, and then each time anew: keep what you need more than once in a variable.
 *
 * <p>Import it by name: with {@code import io.github.kafkasidecar.*} alone, Java 16 and later find
 * {@code java.lang.Record} as well and call {@code Record} ambiguous.
 *
 * <p>There is no method for JSON, for there is no JSON library on the class path: give {@link #value()} to yours, as in
 * {@code mapper.readTree(record.value())} or {@code gson.fromJson(record.text(), Order.class)}.
 *
 * <p>Immutable and thread-safe.
 */
public final class Record {
    private final OffsetRange range;
    private final Content content;
    private final int index;

    Record(OffsetRange range, Content content, int index) {
        this.range = range;
        this.content = content;
        this.index = index;
    }

    /**
     * The topic's name.
     *
     * @return never null
     */
    public String topic() {
        return range.topic();
    }

    /**
     * The partition's number.
     *
     * @return 0 or more
     */
    public int partition() {
        return range.partition();
    }

    /**
     * The offset: with topic and partition it names the record for good, also when it is delivered again.
     *
     * @return 0 or more
     */
    public long offset() {
        return content.offset(index);
    }

    /**
     * The timestamp that Kafka keeps for the record.
     *
     * @return null if the record has none
     */
    public Instant timestamp() {
        long ms = timestampMs();
        return ms == -1 ? null : Instant.ofEpochMilli(ms);
    }

    /**
     * The same in milliseconds since the epoch.
     *
     * @return -1 if the record has none
     */
    public long timestampMs() {
        return content.timestamp(index);
    }

    /**
     * The bytes of the key.
     *
     * @return a fresh copy, or null for a null key
     */
    public byte[] key() {
        return Bytes.copy(content.key(index));
    }

    /**
     * The key without a copy where the body has it as it is.
     *
     * @return read-only, position 0, or null for a null key
     */
    public ByteBuffer keyBuffer() {
        return Bytes.readOnly(content.key(index));
    }

    /**
     * The key as UTF-8. Bytes that are not UTF-8 are replaced by U+FFFD.
     *
     * @return null for a null key
     */
    public String keyText() {
        return Bytes.text(content.key(index));
    }

    /**
     * The bytes of the value.
     *
     * @return a fresh copy, or null for a tombstone
     */
    public byte[] value() {
        return Bytes.copy(content.value(index));
    }

    /**
     * The value without a copy where the body has it as it is: in the columns format always, in JSON unless it is
     * escaped or base64.
     *
     * @return read-only, position 0, or null for a tombstone
     */
    public ByteBuffer valueBuffer() {
        return Bytes.readOnly(content.value(index));
    }

    /**
     * The value as UTF-8. Bytes that are not UTF-8 are replaced by U+FFFD; {@link #value()} has them.
     *
     * @return null for a tombstone
     */
    public String text() {
        return Bytes.text(content.value(index));
    }

    /**
     * The headers in the order of the record. A name may repeat.
     *
     * @return unmodifiable, empty if there are none
     */
    public List<Header> headers() {
        return content.headers(index);
    }

    /**
     * The value of the last header of that name, as Kafka's own {@code lastHeader} has it.
     *
     * @param name the header's name
     * @return a fresh copy, or null if there is no such header or its value is null
     */
    public byte[] header(String name) {
        List<Header> headers = headers();
        for (int i = headers.size() - 1; i >= 0; i--) {
            if (headers.get(i).name().equals(name)) {
                return headers.get(i).value();
            }
        }
        return null;
    }

    /**
     * Says that this record can never be handled: it goes to the dead-letter policy, the others are not held up.
     *
     * @param reason for logs, status and dead letters; null for none
     * @return to be returned by a {@link PartialHandler}
     */
    public Failure reject(String reason) {
        return Failure.reject(topic(), partition(), offset(), reason);
    }

    /**
     * Says that this record failed and is to come again, with all after it in its partition.
     *
     * @param reason for logs and status; null for none
     * @param after how long to wait; null lets the sidecar's back-off decide
     * @return to be returned by a {@link PartialHandler}
     * @throws IllegalArgumentException if {@code after} is negative
     */
    public Failure retry(String reason, Duration after) {
        return Failure.retry(topic(), partition(), offset(), reason, after);
    }

    /** Two views of one record of one batch are equal. */
    @Override
    public boolean equals(Object other) {
        return other instanceof Record && ((Record) other).content == content && ((Record) other).index == index;
    }

    @Override
    public int hashCode() {
        return 31 * System.identityHashCode(content) + index;
    }

    /**
     * For logs, without the content.
     *
     * @return for example {@code orders/3@1201}
     */
    @Override
    public String toString() {
        return topic() + "/" + partition() + "@" + offset();
    }
}
