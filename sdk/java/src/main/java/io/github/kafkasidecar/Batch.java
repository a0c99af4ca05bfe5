package io.github.kafkasidecar;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * What the sidecar delivers in one request: records of one or more partitions, each partition once.
 *
 * <p>A view of the request's body, which it keeps in memory as long as it lives. Immutable and thread-safe.
 */
public final class Batch {
    private final String id;
    private final String group;
    private final int attempt;
    private final List<Partition> partitions;
    private final List<OffsetRange> ranges;
    private final List<Record> records;

    /**
     * The partitions cut {@code content} one after the other: {@code ends[i]} is the index after the last record of
     * the partition {@code i}.
     */
    Batch(String id, String group, int attempt, OffsetRange[] ranges, int[] ends, Content content) {
        this.id = id;
        this.group = group;
        this.attempt = attempt;
        this.ranges = Collections.unmodifiableList(Arrays.asList(ranges));
        List<Partition> partitions = new ArrayList<>();
        for (int i = 0; i < ranges.length; i++) {
            partitions.add(new Partition(ranges[i], content, i == 0 ? 0 : ends[i - 1], ends[i]));
        }
        this.partitions = Collections.unmodifiableList(partitions);
        this.records = new LazyList<>(
                content.size(), i -> new Record(ranges[partitionOf(ends, i)], content, i));
    }

    private static int partitionOf(int[] ends, int record) {
        int found = Arrays.binarySearch(ends, record + 1);
        return found >= 0 ? found : -found - 1;
    }

    /**
     * The id of the batch: the same ranges of the same group have the same id. After a restart of the sidecar ranges
     * may be cut differently: tell records apart by topic, partition and offset, not by the id of their batch.
     *
     * @return lower-case hex
     */
    public String id() {
        return id;
    }

    /**
     * The consumer's identity, the {@code group} of the sidecar's configuration.
     *
     * @return never null
     */
    public String group() {
        return group;
    }

    /**
     * 1 + the failed attempts counted against the first record that is not yet acknowledged. A restart of the sidecar
     * begins at 1 again.
     *
     * @return 1 or more
     */
    public int attempt() {
        return attempt;
    }

    /**
     * The partitions, sorted by topic, then partition.
     *
     * @return unmodifiable, at least one, random access
     */
    public List<Partition> partitions() {
        return partitions;
    }

    /**
     * All records in the order of the body: partition after partition, ascending by offset. A {@link Record} is made
     * each time one is asked for.
     *
     * @return unmodifiable, at least one, random access
     */
    public List<Record> records() {
        return records;
    }

    /**
     * The range of each partition, in the order of {@link #partitions()}.
     *
     * @return unmodifiable, at least one
     */
    public List<OffsetRange> ranges() {
        return ranges;
    }

    /**
     * For logs, without the content.
     *
     * @return id, attempt and ranges
     */
    @Override
    public String toString() {
        return "batch " + id + ", attempt " + attempt + ", " + ranges;
    }
}
