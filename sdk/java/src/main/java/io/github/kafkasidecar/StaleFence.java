package io.github.kafkasidecar;

/**
 * A newer owner of the partition has written to the database already: the batch comes from one of the past and must not
 * write. Thrown by {@link JdbcOffsetGuard} before anything of the batch is handled; the sidecar is answered 503.
 */
public class StaleFence extends Busy {
    private static final long serialVersionUID = 1L;

    /**
     * Refuses for a reason.
     *
     * @param reason which partition and which fences; null for none
     */
    public StaleFence(String reason) {
        super(reason);
    }
}
