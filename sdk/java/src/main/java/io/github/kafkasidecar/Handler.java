package io.github.kafkasidecar;

import java.util.Collections;

/**
 * Handles batches. It is called by several threads at once if the sidecar has several requests in flight, but never
 * twice at once for a partition.
 *
 * <p>A lambda is a handler that takes a batch as a whole; what it returns is thrown away. To name single records that
 * failed, make one of {@link Handlers#each} or {@link Handlers#partial}.
 */
@FunctionalInterface
public interface Handler {
    /**
     * Handles a batch. Returning acknowledges every record of it, so return only after your writes are durable.
     *
     * @param batch at least one record
     * @throws Reject if the batch can never be handled
     * @throws Retry if it is to come again
     * @throws Busy if the application can't work now
     * @throws Exception anything else is a failed attempt: it is logged, and the batch comes again
     */
    void handle(Batch batch) throws Exception;

    /**
     * Handles a batch and names the records that failed; the others are acknowledged. This is what the SDK calls.
     *
     * <p>A handler that wraps another one overrides this method as well and passes on what the inner one returns. If
     * it does not, nothing is lost: then a batch with failures is a failed attempt as a whole.
     *
     * @param batch at least one record
     * @return records of this batch, each once, in any order; empty if all were handled, never null
     * @throws Exception as {@link #handle}
     */
    default Iterable<Failure> handlePartly(Batch batch) throws Exception {
        handle(batch);
        return Collections.emptyList();
    }
}
