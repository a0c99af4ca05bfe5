package io.github.kafkasidecar;

import java.util.Iterator;
import java.util.Objects;

/** Makes handlers. */
public final class Handlers {
    private Handlers() {}

    /**
     * A handler that calls a function for each record, in order within a partition.
     *
     * <ul>
     *   <li>{@link Reject}: that record goes to the dead-letter policy, the next one is handled.
     *   <li>{@link Retry}: that record and the rest of its partition come again; the rest is not handled now. Other
     *       partitions go on.
     *   <li>{@link Busy}: while nothing of the batch was handled or has failed, the whole batch comes again and nothing is
     *       counted. Later, what was not handled comes again as with {@link Retry}.
     *   <li>Any other exception is logged with topic, partition and offset, and is a {@link Retry} of that record.
     *   <li>An {@link Error} or {@link InterruptedException} ends the batch: a failed attempt, nothing is acknowledged.
     * </ul>
     *
     * @param handler called by several threads at once if the sidecar has several requests in flight
     * @return a handler that names the records that failed
     */
    public static Handler each(RecordHandler handler) {
        Objects.requireNonNull(handler, "handler");
        return partial(batch -> RecordLoop.run(batch.records(), handler));
    }

    /**
     * A handler that handles whole batches and names the records that failed.
     *
     * @param handler returns {@link Record#reject} and {@link Record#retry} of the records that failed; null is a
     *     failed attempt
     * @return a handler that names the records that failed
     */
    public static Handler partial(PartialHandler handler) {
        Objects.requireNonNull(handler, "handler");
        return new Handler() {
            @Override
            public void handle(Batch batch) throws Exception {
                Iterator<Failure> failures = handlePartly(batch).iterator();
                if (failures.hasNext()) {
                    // Called by a wrapper that can't pass failures on: to return would acknowledge them.
                    throw new IllegalStateException("the handler named records that failed, but handle() can't pass"
                            + " them on; a handler around it must override handlePartly()");
                }
            }

            @Override
            public Iterable<Failure> handlePartly(Batch batch) throws Exception {
                return handler.handle(batch);
            }
        };
    }
}
