package io.github.kafkasidecar;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Writes a batch in the columns format, for {@link BatchBuilder}. */
final class ColumnsWriter {
    private ColumnsWriter() {}

    static byte[] write(String id, String group, int attempt, List<BatchBuilder.Part> parts) {
        List<BatchBuilder.Row> rows = new ArrayList<>();
        List<byte[]> names = new ArrayList<>();
        List<byte[]> values = new ArrayList<>();
        for (BatchBuilder.Part part : parts) {
            rows.addAll(part.rows);
        }
        for (BatchBuilder.Row row : rows) {
            for (int i = 0; i < row.headers.size(); i += 2) {
                names.add(row.headers.get(i));
                values.add(row.headers.get(i + 1));
            }
        }
        byte[] head = padded(head(id, group, attempt, parts, names.size()));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        append(out, "KSC1".getBytes(StandardCharsets.US_ASCII));
        appendInt(out, head.length);
        append(out, head);
        rows.forEach(row -> appendLong(out, row.offset));
        rows.forEach(row -> appendLong(out, row.timestamp));
        rows.forEach(row -> appendInt(out, length(row.key)));
        rows.forEach(row -> appendInt(out, length(row.value)));
        rows.forEach(row -> appendInt(out, row.headers.size() / 2));
        names.forEach(name -> appendInt(out, length(name)));
        values.forEach(value -> appendInt(out, length(value)));
        rows.forEach(row -> append(out, row.key));
        rows.forEach(row -> append(out, row.value));
        names.forEach(name -> append(out, name));
        values.forEach(value -> append(out, value));
        return out.toByteArray();
    }

    private static byte[] head(String id, String group, int attempt, List<BatchBuilder.Part> parts, int headers) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (JsonGenerator json = Json.FACTORY.createGenerator(out)) {
            json.writeStartObject();
            json.writeStringField("batch", id);
            json.writeStringField("group", group);
            json.writeNumberField("attempt", attempt);
            json.writeArrayFieldStart("partitions");
            for (BatchBuilder.Part part : parts) {
                json.writeStartObject();
                json.writeStringField("topic", part.topic);
                json.writeNumberField("partition", part.partition);
                json.writeNumberField("fromOffset", part.from);
                json.writeNumberField("untilOffset", part.until);
                json.writeNumberField("fence", part.fence);
                json.writeNumberField("records", part.rows.size());
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeNumberField("headers", headers);
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e); // can't be: it is written to memory
        }
        return out.toByteArray();
    }

    /** With spaces, so that what follows begins at a multiple of 8. */
    private static byte[] padded(byte[] head) {
        byte[] padded = Arrays.copyOf(head, (head.length + 7) / 8 * 8);
        Arrays.fill(padded, head.length, padded.length, (byte) ' ');
        return padded;
    }

    private static int length(byte[] bytes) {
        return bytes == null ? -1 : bytes.length;
    }

    private static void append(ByteArrayOutputStream out, byte[] bytes) {
        if (bytes != null) {
            out.write(bytes, 0, bytes.length);
        }
    }

    private static void appendInt(ByteArrayOutputStream out, int number) {
        append(out, ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(number).array());
    }

    private static void appendLong(ByteArrayOutputStream out, long number) {
        append(out, ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(number).array());
    }
}
