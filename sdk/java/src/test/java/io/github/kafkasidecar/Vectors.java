package io.github.kafkasidecar;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;

/** The vectors of the protocol, and a batch as lists of data to be compared with them. */
final class Vectors {
    private static final Path DIR = Path.of("../../protocol/vectors");

    private Vectors() {}

    static JsonNode read(String name) {
        try {
            return new ObjectMapper().readTree(DIR.resolve(name).toFile());
        } catch (IOException e) {
            throw new AssertionError("the vectors of the protocol are needed: " + e.getMessage(), e);
        }
    }

    static byte[] base64(JsonNode node) {
        return Base64.getDecoder().decode(node.asText());
    }

    /** All that a case says of its batch. */
    static List<Object> data(JsonNode vector) {
        JsonNode batch = vector.get("batch");
        List<Object> data = new ArrayList<>(Arrays.asList(
                vector.get("id").asText(), batch.get("group").asText(), batch.get("attempt").asInt()));
        for (JsonNode partition : batch.get("partitions")) {
            data.addAll(Arrays.asList(
                    partition.get("topic").asText(), partition.get("partition").asInt(),
                    partition.get("fromOffset").asLong(), partition.get("untilOffset").asLong(),
                    partition.get("fence").asLong()));
            for (JsonNode record : partition.get("records")) {
                data.addAll(Arrays.asList(
                        record.get("offset").asLong(), record.get("timestamp").asLong(),
                        orNull(record.get("key")), orNull(record.get("value"))));
                for (JsonNode header : record.get("headers")) {
                    data.add(orNull(header.get("name")));
                    data.add(orNull(header.get("value")));
                }
            }
        }
        return data;
    }

    private static String orNull(JsonNode node) {
        return node.isNull() ? null : node.asText();
    }

    /** The same of a batch as a handler sees it. */
    static List<Object> data(Batch batch) {
        List<Object> data = new ArrayList<>(Arrays.asList(batch.id(), batch.group(), batch.attempt()));
        for (Partition partition : batch.partitions()) {
            data.addAll(Arrays.asList(
                    partition.topic(), partition.partition(),
                    partition.fromOffset(), partition.untilOffset(), partition.fence()));
            for (Record record : partition.records()) {
                data.addAll(Arrays.asList(
                        record.offset(), record.timestampMs(), base64(record.key()), base64(record.value())));
                for (Header header : record.headers()) {
                    data.add(base64(header.nameBytes()));
                    data.add(base64(header.value()));
                }
            }
        }
        return data;
    }

    private static String base64(byte[] bytes) {
        return bytes == null ? null : Base64.getEncoder().encodeToString(bytes);
    }
}
