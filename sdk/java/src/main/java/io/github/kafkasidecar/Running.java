package io.github.kafkasidecar;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The partitions whose handler runs: never two at once for a partition. Thread-safe. */
final class Running {
    private final Set<List<Object>> partitions = new HashSet<>();

    /** Marks all partitions of the batch; if one is marked already, marks none and returns it. */
    synchronized OffsetRange begin(Batch batch) {
        for (OffsetRange range : batch.ranges()) {
            if (partitions.contains(key(batch, range))) {
                return range;
            }
        }
        for (OffsetRange range : batch.ranges()) {
            partitions.add(key(batch, range));
        }
        return null;
    }

    synchronized void end(Batch batch) {
        for (OffsetRange range : batch.ranges()) {
            partitions.remove(key(batch, range));
        }
    }

    private static List<Object> key(Batch batch, OffsetRange range) {
        return Arrays.asList(batch.group(), range.topic(), range.partition());
    }
}
