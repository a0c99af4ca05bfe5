package io.github.kafkasidecar;

/**
 * Thrown by a handler: the record can never be handled and goes to the sidecar's dead-letter policy now.
 *
 * <p>Thrown by a {@link RecordHandler} it means that record. Thrown by a {@link Handler} of whole batches it means the
 * batch: the sidecar halves it until the record that is rejected stands alone.
 */
public class Reject extends HandlerException {
    private static final long serialVersionUID = 1L;

    /**
     * Rejects for a reason.
     *
     * @param reason for logs, status and dead letters; null for none
     */
    public Reject(String reason) {
        this(reason, null);
    }

    /**
     * Rejects because of an exception, which stays in the application.
     *
     * @param reason for logs, status and dead letters; null for none
     * @param cause may be null
     */
    public Reject(String reason, Throwable cause) {
        super(reason, cause);
    }
}
