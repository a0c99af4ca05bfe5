package io.github.kafkasidecar;

import java.util.List;

/** The records of one partition in a batch, with the range they cover. Immutable and thread-safe. */
public final class Partition {
    private final OffsetRange range;
    private final List<Record> records;

    /** Records {@code first} (inclusive) to {@code end} (exclusive) of {@code content}. */
    Partition(OffsetRange range, Content content, int first, int end) {
        this.range = range;
        this.records = new LazyList<>(end - first, i -> new Record(range, content, first + i));
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
     * Where the partition stood before this batch. The first record may be later.
     *
     * @return an offset, inclusive
     */
    public long fromOffset() {
        return range.fromOffset();
    }

    /**
     * The offset after the last record.
     *
     * @return an offset, exclusive
     */
    public long untilOffset() {
        return range.untilOffset();
    }

    /**
     * A number that only grows each time the partition gets a new owner, see {@link OffsetRange#fence()}.
     *
     * @return the fence of the owner that sent the batch
     */
    public long fence() {
        return range.fence();
    }

    /**
     * The same as one value.
     *
     * @return never null
     */
    public OffsetRange range() {
        return range;
    }

    /**
     * The records, ascending by offset. A {@link Record} is made each time one is asked for.
     *
     * @return unmodifiable, at least one, random access
     */
    public List<Record> records() {
        return records;
    }

    /**
     * For logs.
     *
     * @return for example {@code orders/3 [1200, 1204)}
     */
    @Override
    public String toString() {
        return range.toString();
    }
}
