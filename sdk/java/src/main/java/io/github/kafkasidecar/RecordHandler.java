package io.github.kafkasidecar;

/** Handles one record, see {@link Handlers#each}. */
@FunctionalInterface
public interface RecordHandler {
    /**
     * Handles a record. Returning acknowledges it.
     *
     * @param record never null
     * @throws Reject if the record can never be handled
     * @throws Retry if it is to come again
     * @throws Busy if the application can't work now
     * @throws Exception anything else is logged, and the record comes again
     */
    void handle(Record record) throws Exception;
}
