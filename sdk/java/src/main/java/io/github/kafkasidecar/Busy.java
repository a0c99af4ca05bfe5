package io.github.kafkasidecar;

import java.time.Duration;

/**
 * Thrown by a handler: the application can't work now, for example because its database is away. The same batch comes
 * again, and it does not count as a failed attempt: no record is ever given up for it.
 */
public class Busy extends HandlerException {
    private static final long serialVersionUID = 1L;

    /** Null leaves it to the default. */
    private final Duration after;

    /**
     * Comes again after a second.
     *
     * @param reason for logs; null for none
     */
    public Busy(String reason) {
        this(reason, null);
    }

    /**
     * Comes again after a given time.
     *
     * @param reason for logs; null for none
     * @param after how long to wait, sent in seconds rounded up; null means one second. The sidecar waits 5 minutes at
     *     most
     * @throws IllegalArgumentException if {@code after} is negative
     */
    public Busy(String reason, Duration after) {
        super(reason, null);
        this.after = notNegative(after);
    }

    /**
     * How long to wait.
     *
     * @return null for the default of one second
     */
    public final Duration after() {
        return after;
    }
}
