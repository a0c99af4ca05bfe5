package io.github.kafkasidecar;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Makes batches for tests of an application, without a sidecar: what it builds was written as a request and read again
 * by the code that reads those of a sidecar.
 *
 * <pre>{@code
 * Batch batch = new BatchBuilder()
 *         .partition("orders", 3)
 *         .record("u17", "{\"id\":1}").header("source", "web")
 *         .offset(1203).tombstone("u17")
 *         .build();
 * Iterable<Failure> failures = handler.handlePartly(batch);
 * }</pre>
 *
 * <p>Not thread-safe. {@link #build()}, {@link #body()} and {@link #headers()} may be called again and again, also after
 * more was added.
 */
public final class BatchBuilder {
    /** A record as data; {@code headers} holds name and value in turns. */
    static final class Row {
        final long offset;
        long timestamp = -1;
        final byte[] key;
        final byte[] value;
        final List<byte[]> headers = new ArrayList<>();

        Row(long offset, byte[] key, byte[] value) {
            this.offset = offset;
            this.key = key;
            this.value = value;
        }
    }

    /** A partition as data. */
    static final class Part {
        final String topic;
        final int partition;
        final List<Row> rows = new ArrayList<>();
        long from;
        /** The least, raised by records. */
        long until;
        long fence = 1;

        Part(String topic, int partition) {
            this.topic = topic;
            this.partition = partition;
        }

        OffsetRange range() {
            return new OffsetRange(topic, partition, from, until, fence);
        }
    }

    private final List<Part> parts = new ArrayList<>();
    private String group = "test";
    private int attempt = 1;
    private long next;

    /** Begins without a partition, in the group {@code test}, at the first attempt. */
    public BatchBuilder() {}

    /**
     * Sets the group.
     *
     * @param name default: {@code test}
     * @return this
     */
    public BatchBuilder group(String name) {
        group = name;
        return this;
    }

    /**
     * Sets the number of the attempt.
     *
     * @param number 1 or more; default: 1
     * @return this
     */
    public BatchBuilder attempt(int number) {
        attempt = number;
        return this;
    }

    /**
     * Begins a partition: what follows belongs to it. Its range begins at 0 unless {@link #fromOffset} says otherwise.
     * A sidecar sends partitions sorted by topic, then partition: add them in that order.
     *
     * @param topic the topic's name
     * @param partition 0 or more
     * @return this
     */
    public BatchBuilder partition(String topic, int partition) {
        parts.add(new Part(topic, partition));
        next = 0;
        return this;
    }

    /**
     * Sets where the partition stood before the batch; its next record gets this offset.
     *
     * @param offset 0 or more; default: 0
     * @return this
     */
    public BatchBuilder fromOffset(long offset) {
        part().from = offset;
        return offset(offset);
    }

    /**
     * Sets the offset of the partition's next record; without it offsets have no gaps.
     *
     * @param offset above that of the record before
     * @return this
     */
    public BatchBuilder offset(long offset) {
        part();
        next = offset;
        return this;
    }

    /**
     * Sets the fence of the partition.
     *
     * @param fence default: 1
     * @return this
     */
    public BatchBuilder fence(long fence) {
        part().fence = fence;
        return this;
    }

    /**
     * Adds a record of texts.
     *
     * @param key null for a null key
     * @param value null for a tombstone
     * @return this
     */
    public BatchBuilder record(String key, String value) {
        return record(utf8(key), utf8(value));
    }

    /**
     * Adds a record of bytes.
     *
     * @param key null for a null key
     * @param value null for a tombstone
     * @return this
     */
    public BatchBuilder record(byte[] key, byte[] value) {
        Part part = part();
        part.rows.add(new Row(next, key, value));
        next++;
        part.until = next;
        return this;
    }

    /**
     * Adds a record without a value.
     *
     * @param key null for a null key
     * @return this
     */
    public BatchBuilder tombstone(String key) {
        return record(utf8(key), null);
    }

    /**
     * Sets the timestamp of the record added last.
     *
     * @param ms milliseconds since the epoch; default: -1, none
     * @return this
     */
    public BatchBuilder timestamp(long ms) {
        row().timestamp = ms;
        return this;
    }

    /**
     * Adds a header to the record added last.
     *
     * @param name not null
     * @param value null for a null value
     * @return this
     */
    public BatchBuilder header(String name, String value) {
        return header(utf8(name), utf8(value));
    }

    /**
     * Adds a header of bytes to the record added last.
     *
     * @param name not null
     * @param value null for a null value
     * @return this
     */
    public BatchBuilder header(byte[] name, byte[] value) {
        if (name == null) {
            throw new IllegalArgumentException("the name of a header is null");
        }
        row().headers.add(name);
        row().headers.add(value);
        return this;
    }

    /**
     * Builds the batch.
     *
     * @return a batch as a handler gets it
     * @throws IllegalStateException if a sidecar could not have sent it; the message says why
     */
    public Batch build() {
        try {
            return BatchReader.columns(body());
        } catch (Malformed e) {
            throw new IllegalStateException("not a batch that a sidecar sends: " + e.getMessage(), e);
        }
    }

    /**
     * The batch as a request, to test {@link Sidecar#exchange} where it is built in.
     *
     * @return the body that goes with {@link #headers()}, in the columns format
     */
    public byte[] body() {
        return ColumnsWriter.write(id(), group, attempt, parts);
    }

    /**
     * The headers of the request.
     *
     * @return what goes with {@link #body()}, without token and signature
     */
    public Map<String, List<String>> headers() {
        Map<String, List<String>> headers = new TreeMap<>();
        headers.put("Content-Type", Collections.singletonList("application/vnd.kafka-sidecar.columns"));
        headers.put("Sidecar-Protocol", Collections.singletonList("1"));
        headers.put("Sidecar-Batch", Collections.singletonList(id()));
        headers.put("Sidecar-Attempt", Collections.singletonList(Integer.toString(attempt)));
        return headers;
    }

    private String id() {
        List<OffsetRange> ranges = new ArrayList<>();
        parts.forEach(part -> ranges.add(part.range()));
        return BatchId.of(group, ranges);
    }

    private Part part() {
        if (parts.isEmpty()) {
            throw new IllegalStateException("begin with partition()");
        }
        return parts.get(parts.size() - 1);
    }

    private Row row() {
        List<Row> rows = part().rows;
        if (rows.isEmpty()) {
            throw new IllegalStateException("add a record() first");
        }
        return rows.get(rows.size() - 1);
    }

    private static byte[] utf8(String text) {
        return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
    }
}
