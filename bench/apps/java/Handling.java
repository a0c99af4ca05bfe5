import com.fasterxml.jackson.databind.ObjectMapper;

import java.io.IOException;
import java.time.Instant;

/** The handler that both sides call for each record, and the marks that bench reads (see marks.go). Not thread-safe: one lane calls it. */
final class Handling {
    private final ObjectMapper mapper; // null = values are not parsed
    private final long expect;
    private long seen;
    private double total;

    Handling(String mode, long expect) {
        this.mapper = mode.equals("none") ? null : new ObjectMapper();
        this.expect = expect;
    }

    void handle(byte[] value) throws IOException {
        total += mapper == null ? value.length : mapper.readTree(value).get("total").asDouble();
    }

    /** Called once for each batch of n records. */
    void count(long n) {
        long before = seen;
        seen += n;
        mark("first", 1, before);
        mark("half", expect / 2, before);
        mark("done", expect, before);
    }

    private void mark(String name, long at, long before) {
        if (before < at && seen >= at) {
            Instant now = Instant.now();
            System.out.println(name + " " + seen + " " + (now.getEpochSecond() * 1_000_000_000L + now.getNano()));
        }
    }

    @Override
    public String toString() {
        return "total " + total;
    }
}
