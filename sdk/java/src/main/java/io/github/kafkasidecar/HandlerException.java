package io.github.kafkasidecar;

import java.time.Duration;

/**
 * What a handler throws to say what is to become of the records: {@link Reject}, {@link Retry} or {@link Busy}. Any
 * other exception is a failed attempt.
 */
public abstract class HandlerException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    HandlerException(String reason, Throwable cause) {
        super(reason, cause);
    }

    /**
     * Why, in words. It leaves the application (logs and status of the sidecar, dead letters): keep secrets out of it.
     *
     * @return null for none
     */
    public final String reason() {
        return getMessage();
    }

    /** Returns {@code after}, which may be null. */
    static Duration notNegative(Duration after) {
        if (after != null && after.isNegative()) {
            throw new IllegalArgumentException("after is " + after + "; it must not be negative");
        }
        return after;
    }
}
