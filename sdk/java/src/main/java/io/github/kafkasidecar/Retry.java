package io.github.kafkasidecar;

import java.time.Duration;

/**
 * Thrown by a handler: it failed and is to be tried again. It counts as a failed attempt.
 *
 * <p>Thrown by a {@link RecordHandler} it means that record and all after it in its partition; other partitions go on.
 * Thrown by a {@link Handler} of whole batches it means the first record of every partition, so nothing of the batch is
 * acknowledged.
 */
public class Retry extends HandlerException {
    private static final long serialVersionUID = 1L;

    /** Null leaves it to the default. */
    private final Duration after;

    /**
     * Tries again after the sidecar's back-off.
     *
     * @param reason for logs and status; null for none
     */
    public Retry(String reason) {
        this(reason, null);
    }

    /**
     * Tries again after a given time.
     *
     * @param reason for logs and status; null for none
     * @param after how long to wait; null lets the sidecar's back-off decide
     * @throws IllegalArgumentException if {@code after} is negative
     */
    public Retry(String reason, Duration after) {
        super(reason, null);
        this.after = notNegative(after);
    }

    /**
     * How long to wait.
     *
     * @return null if the sidecar's back-off decides
     */
    public final Duration after() {
        return after;
    }
}
