package io.github.kafkasidecar;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Batches without content, for the tests of the guard. */
final class GuardBatches {
    private GuardBatches() {}

    /** A range of the topic orders. */
    static OffsetRange range(int partition, long from, long until, long fence) {
        return new OffsetRange("orders", partition, from, until, fence);
    }

    /** A batch of the group billing with a record at every offset of the ranges. */
    static Batch batch(OffsetRange... ranges) {
        return batch("billing", ranges);
    }

    static Batch batch(String group, OffsetRange... ranges) {
        List<Long> offsets = new ArrayList<>();
        int[] ends = new int[ranges.length];
        for (int i = 0; i < ranges.length; i++) {
            for (long offset = ranges[i].fromOffset(); offset < ranges[i].untilOffset(); offset++) {
                offsets.add(offset);
            }
            ends[i] = offsets.size();
        }
        return new Batch("id", group, 1, ranges, ends, new Offsets(offsets));
    }

    /** Records of which only the offset is looked at. */
    private record Offsets(List<Long> offsets) implements Content {
        @Override
        public int size() {
            return offsets.size();
        }

        @Override
        public long offset(int record) {
            return offsets.get(record);
        }

        @Override
        public long timestamp(int record) {
            return -1;
        }

        @Override
        public ByteBuffer key(int record) {
            return null;
        }

        @Override
        public ByteBuffer value(int record) {
            return null;
        }

        @Override
        public List<Header> headers(int record) {
            return List.of();
        }
    }
}
