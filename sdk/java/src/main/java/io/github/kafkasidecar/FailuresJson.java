package io.github.kafkasidecar;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** Writes the failures of a batch as the answer that names them, in the order of the records. */
final class FailuresJson {
    /** What the sidecar reads of an answer. Source: the protocol, "The answer". */
    static final int LONGEST_ANSWER = 1 << 20;

    /** Reasons are for people; a stack trace or a record in one would only fill the answer. */
    private static final int LONGEST_REASON = 500;

    private FailuresJson() {}

    /**
     * Sorts failures by the position of their records.
     *
     * @throws IllegalArgumentException if one is null, names a record that is not in the batch, or one twice
     */
    static SortedMap<Integer, Failure> sorted(Batch batch, Iterable<Failure> failures) {
        Map<List<Object>, Integer> firsts = new HashMap<>();
        Map<List<Object>, Partition> partitions = new HashMap<>();
        int first = 0;
        for (Partition partition : batch.partitions()) {
            List<Object> key = Arrays.asList(partition.topic(), partition.partition());
            firsts.put(key, first);
            partitions.put(key, partition);
            first += partition.records().size();
        }
        SortedMap<Integer, Failure> sorted = new TreeMap<>();
        for (Failure failure : failures) {
            if (failure == null) {
                throw new IllegalArgumentException("a failure is null");
            }
            List<Object> key = Arrays.asList(failure.topic(), failure.partition());
            int index = partitions.containsKey(key) ? indexOf(partitions.get(key).records(), failure.offset()) : -1;
            if (index < 0) {
                throw new IllegalArgumentException("a failure names " + place(failure) + ", which is not in the batch");
            }
            if (sorted.put(firsts.get(key) + index, failure) != null) {
                throw new IllegalArgumentException("a failure names " + place(failure) + " a second time");
            }
        }
        return sorted;
    }

    private static String place(Failure failure) {
        return failure.topic() + "/" + failure.partition() + "@" + failure.offset();
    }

    /** The position of an offset in records that ascend by offset; negative if it is not among them. */
    private static int indexOf(List<Record> records, long offset) {
        int low = 0;
        int high = records.size() - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            int order = Long.compare(records.get(middle).offset(), offset);
            if (order == 0) {
                return middle;
            }
            if (order < 0) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return -1;
    }

    static byte[] write(Iterable<Failure> failures) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (JsonGenerator json = Json.FACTORY.createGenerator(out)) {
            json.writeStartObject();
            json.writeArrayFieldStart("failures");
            for (Failure failure : failures) {
                write(json, failure);
            }
            json.writeEndArray();
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e); // can't be: it is written to memory
        }
        return out.toByteArray();
    }

    private static void write(JsonGenerator json, Failure failure) throws IOException {
        json.writeStartObject();
        json.writeStringField("topic", failure.topic());
        json.writeNumberField("partition", failure.partition());
        json.writeNumberField("offset", failure.offset());
        json.writeStringField("action", failure.action() == Failure.Action.RETRY ? "retry" : "reject");
        if (failure.reason() != null) {
            json.writeStringField("reason", reason(failure.reason()));
        }
        if (failure.retryAfter() != null) {
            json.writeNumberField("retryAfterMs", millis(failure.retryAfter()));
        }
        json.writeEndObject();
    }

    /** Cut, and with lone surrogates replaced, which no UTF-8 has. */
    private static String reason(String reason) {
        String cut = reason.length() > LONGEST_REASON ? reason.substring(0, LONGEST_REASON) + "..." : reason;
        return new String(cut.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
    }

    /** Rounded up, at most a day: the sidecar cuts it there, and so no duration overflows. */
    private static long millis(Duration after) {
        if (after.compareTo(Duration.ofDays(1)) > 0) {
            return Duration.ofDays(1).toMillis();
        }
        long millis = after.toMillis();
        return Duration.ofMillis(millis).compareTo(after) < 0 ? millis + 1 : millis;
    }
}
