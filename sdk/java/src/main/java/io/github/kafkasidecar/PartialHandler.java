package io.github.kafkasidecar;

/** Handles batches and names the records that failed, see {@link Handlers#partial}. */
@FunctionalInterface
public interface PartialHandler {
    /**
     * Handles a batch.
     *
     * @param batch at least one record
     * @return records of this batch, each once, in any order; what is not named is acknowledged. Empty if all were
     *     handled, never null
     * @throws Exception as {@link Handler#handle}
     */
    Iterable<Failure> handle(Batch batch) throws Exception;
}
