package io.github.kafkasidecar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class BatchBuilderTest {
    static Stream<Arguments> encode() {
        return VectorsTest.encode();
    }

    /** Builds the batch of a vector: the id and the whole batch must be the same. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("encode")
    void buildsTheBatchesOfTheVectors(String name, JsonNode vector) {
        JsonNode batch = vector.get("batch");
        BatchBuilder builder = new BatchBuilder().group(batch.get("group").asText()).attempt(batch.get("attempt").asInt());
        for (JsonNode partition : batch.get("partitions")) {
            builder.partition(partition.get("topic").asText(), partition.get("partition").asInt())
                    .fromOffset(partition.get("fromOffset").asLong())
                    .fence(partition.get("fence").asLong());
            for (JsonNode record : partition.get("records")) {
                builder.offset(record.get("offset").asLong())
                        .record(bytes(record.get("key")), bytes(record.get("value")))
                        .timestamp(record.get("timestamp").asLong());
                record.get("headers").forEach(h -> builder.header(bytes(h.get("name")), bytes(h.get("value"))));
            }
        }
        assertEquals(Vectors.data(vector), Vectors.data(builder.build()));
        assertArrayEquals(Vectors.base64(vector.get("columns")), builder.body());
    }

    private static byte[] bytes(JsonNode node) {
        return node.isNull() ? null : Vectors.base64(node);
    }

    @Test
    void whatItBuildsCanBeExchanged() {
        BatchBuilder request = new BatchBuilder().partition("orders", 3).record("k", "v");
        Answer answer = Sidecar.handle(batch -> {
            throw new Reject("no");
        }).exchange(request.headers(), request.body());
        assertEquals("{\"failures\":[{\"topic\":\"orders\",\"partition\":3,\"offset\":0,\"action\":\"reject\",\"reason\":\"no\"}]}",
                Posts.text(answer));
    }

    @Test
    void whatASidecarNeverSendsIsRefused() {
        assertRefused("begin with partition()", () -> new BatchBuilder().record("k", "v"));
        assertRefused("add a record() first", () -> new BatchBuilder().partition("orders", 3).header("n", "v"));
        assertRefused("not a batch that a sidecar sends: the batch has no partitions", () -> new BatchBuilder().build());
        assertRefused("not a batch that a sidecar sends: record orders/3@4 comes after offset 4; offsets must ascend",
                () -> new BatchBuilder().partition("orders", 3).offset(4).record("k", "v").offset(4).record("k", "v").build());
    }

    private static void assertRefused(String message, org.junit.jupiter.api.function.Executable building) {
        assertEquals(message, assertThrows(IllegalStateException.class, building).getMessage());
    }
}
