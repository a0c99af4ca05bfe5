package io.github.kafkasidecar;

import java.time.Duration;
import java.util.Objects;

/**
 * One record of a batch that was not handled, and what is to become of it. Made by {@link Record#reject} and
 * {@link Record#retry}. Immutable and thread-safe.
 */
public final class Failure {
    /** What is to become of a record that failed. */
    public enum Action {
        /** The record comes again, with all after it in its partition. Counts as a failed attempt of the record. */
        RETRY,
        /** The record goes to the dead-letter policy; the others of its partition are not held up. */
        REJECT
    }

    private final String topic;
    private final int partition;
    private final long offset;
    private final Action action;
    private final String reason;
    private final Duration retryAfter;

    private Failure(String topic, int partition, long offset, Action action, String reason, Duration retryAfter) {
        this.topic = Objects.requireNonNull(topic, "topic");
        this.partition = partition;
        this.offset = offset;
        this.action = action;
        this.reason = reason;
        this.retryAfter = retryAfter;
    }

    /**
     * A record that can never be handled.
     *
     * @param topic the record's topic
     * @param partition the record's partition
     * @param offset the record's offset; a record of the batch, or the whole answer fails
     * @param reason for logs, status and dead letters; null for none
     * @return a failure with {@link Action#REJECT}
     */
    public static Failure reject(String topic, int partition, long offset, String reason) {
        return new Failure(topic, partition, offset, Action.REJECT, reason, null);
    }

    /**
     * A record that is to come again, with all after it in its partition.
     *
     * @param topic the record's topic
     * @param partition the record's partition
     * @param offset the record's offset; a record of the batch, or the whole answer fails
     * @param reason for logs and status; null for none
     * @param after how long to wait, sent in milliseconds rounded up; null lets the sidecar's back-off decide
     * @return a failure with {@link Action#RETRY}
     * @throws IllegalArgumentException if {@code after} is negative
     */
    public static Failure retry(String topic, int partition, long offset, String reason, Duration after) {
        return new Failure(topic, partition, offset, Action.RETRY, reason, HandlerException.notNegative(after));
    }

    /**
     * The record's topic.
     *
     * @return never null
     */
    public String topic() {
        return topic;
    }

    /**
     * The record's partition.
     *
     * @return 0 or more
     */
    public int partition() {
        return partition;
    }

    /**
     * The record's offset.
     *
     * @return 0 or more
     */
    public long offset() {
        return offset;
    }

    /**
     * What is to become of the record.
     *
     * @return never null
     */
    public Action action() {
        return action;
    }

    /**
     * Why it failed, in words.
     *
     * @return null for none
     */
    public String reason() {
        return reason;
    }

    /**
     * How long to wait before the record comes again.
     *
     * @return null if the sidecar's back-off decides, and for a reject
     */
    public Duration retryAfter() {
        return retryAfter;
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof Failure)) {
            return false;
        }
        Failure that = (Failure) other;
        return topic.equals(that.topic)
                && partition == that.partition
                && offset == that.offset
                && action == that.action
                && Objects.equals(reason, that.reason)
                && Objects.equals(retryAfter, that.retryAfter);
    }

    @Override
    public int hashCode() {
        return Objects.hash(topic, partition, offset, action, reason, retryAfter);
    }

    /**
     * For logs.
     *
     * @return for example {@code retry orders/3@1201: db locked}
     */
    @Override
    public String toString() {
        return (action == Action.RETRY ? "retry " : "reject ") + topic + "/" + partition + "@" + offset
                + (reason == null ? "" : ": " + reason);
    }
}
