package io.github.kafkasidecar;

import java.util.Objects;

/**
 * The part of a partition that a batch covers. An acknowledged batch moves the partition to {@link #untilOffset()}.
 *
 * <p>Offsets have gaps: a range does not hold {@code untilOffset - fromOffset} records. Immutable and thread-safe.
 */
public final class OffsetRange {
    private final String topic;
    private final int partition;
    private final long fromOffset;
    private final long untilOffset;
    private final long fence;

    OffsetRange(String topic, int partition, long fromOffset, long untilOffset, long fence) {
        this.topic = topic;
        this.partition = partition;
        this.fromOffset = fromOffset;
        this.untilOffset = untilOffset;
        this.fence = fence;
    }

    /**
     * The topic's name.
     *
     * @return never null
     */
    public String topic() {
        return topic;
    }

    /**
     * The partition's number.
     *
     * @return 0 or more
     */
    public int partition() {
        return partition;
    }

    /**
     * Where the partition stood before this batch. The first record may be later.
     *
     * @return an offset, inclusive
     */
    public long fromOffset() {
        return fromOffset;
    }

    /**
     * The offset after the last record: what is committed when the batch is acknowledged.
     *
     * @return an offset, exclusive
     */
    public long untilOffset() {
        return untilOffset;
    }

    /**
     * A number that only grows each time the partition gets a new owner. A write with a lower fence than one already
     * seen comes from an owner of the past and must not take effect.
     *
     * @return the fence of the owner that sent the batch
     */
    public long fence() {
        return fence;
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof OffsetRange)) {
            return false;
        }
        OffsetRange that = (OffsetRange) other;
        return topic.equals(that.topic)
                && partition == that.partition
                && fromOffset == that.fromOffset
                && untilOffset == that.untilOffset
                && fence == that.fence;
    }

    @Override
    public int hashCode() {
        return Objects.hash(topic, partition, fromOffset, untilOffset, fence);
    }

    /**
     * For logs.
     *
     * @return for example {@code orders/3 [1200, 1204)}
     */
    @Override
    public String toString() {
        return topic + "/" + partition + " [" + fromOffset + ", " + untilOffset + ")";
    }
}
