package io.github.kafkasidecar;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * What a body holds of its records, by their position in the body. Immutable and safe for several threads.
 *
 * <p>Everything was checked when it was made: looking at a record does not fail.
 */
interface Content {
    int size();

    long offset(int record);

    /** Milliseconds since the epoch, -1 if the record has none. */
    long timestamp(int record);

    /** A view with an accessible array that must not reach the user; null if the key is null. */
    ByteBuffer key(int record);

    /** A view with an accessible array that must not reach the user; null for a tombstone. */
    ByteBuffer value(int record);

    List<Header> headers(int record);
}
