package io.github.kafkasidecar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every body of the vectors gives its batch back, and what is malformed is refused. */
class VectorsTest {
    static Stream<Arguments> encode() {
        return cases("encode.json");
    }

    static Stream<Arguments> id() {
        return cases("id.json");
    }

    static Stream<Arguments> malformed() {
        return cases("columns-malformed.json");
    }

    private static Stream<Arguments> cases(String file) {
        return StreamSupport.stream(Vectors.read(file).get("cases").spliterator(), false)
                .map(vector -> Arguments.of(vector.get("name").asText(), vector));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("encode")
    void auto(String name, JsonNode vector) throws Malformed {
        assertEquals(Vectors.data(vector), Vectors.data(BatchReader.json(text(vector.get("auto")), false)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("encode")
    void json(String name, JsonNode vector) throws Exception {
        byte[] body = text(vector.get("json"));
        List<Object> seen = new ArrayList<>();
        Answer answer = Sidecar.handle(batch -> seen.addAll(Vectors.data(batch)))
                .exchange(Posts.headers("application/json", "Sidecar-Value", "json"), body);
        assertEquals(200, answer.status());
        assertEquals(Vectors.data(vector), seen);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("encode")
    void base64(String name, JsonNode vector) throws Malformed {
        assertEquals(Vectors.data(vector), Vectors.data(BatchReader.json(text(vector.get("base64")), false)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("encode")
    void columns(String name, JsonNode vector) throws Malformed {
        byte[] body = Vectors.base64(vector.get("columns"));
        assertEquals(Vectors.data(vector), Vectors.data(BatchReader.columns(body)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("encode")
    void idOfTheBatch(String name, JsonNode vector) throws Malformed {
        Batch batch = BatchReader.json(text(vector.get("auto")), false);
        assertEquals(vector.get("id").asText(), BatchId.of(batch.group(), batch.ranges()));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("id")
    void idOfRanges(String name, JsonNode vector) {
        List<OffsetRange> ranges = new ArrayList<>();
        for (JsonNode partition : vector.get("partitions")) {
            ranges.add(new OffsetRange(
                    partition.get("topic").asText(), partition.get("partition").asInt(),
                    partition.get("fromOffset").asLong(), partition.get("untilOffset").asLong(), 1));
        }
        assertEquals(vector.get("id").asText(), BatchId.of(vector.get("group").asText(), ranges));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("malformed")
    void columnsMalformed(String name, JsonNode vector) {
        byte[] body = Vectors.base64(vector.get("body"));
        assertNotNull(assertThrows(Malformed.class, () -> BatchReader.columns(body)).getMessage());
        Answer answer = Sidecar.handle(batch -> {
            throw new AssertionError("called for a malformed body");
        }).exchange(Posts.headers("application/vnd.kafka-sidecar.columns"), body);
        assertEquals(500, answer.status());
        assertEquals("the body is not a batch", Posts.text(answer).split(":")[0]);
    }

    @Test
    void theGoodOneOfTheMalformedIsGood() throws Malformed {
        byte[] body = Vectors.base64(Vectors.read("columns-malformed.json").get("good"));
        assertEquals(2, BatchReader.columns(body).records().size());
    }

    private static byte[] text(JsonNode node) {
        return node.asText().getBytes(StandardCharsets.UTF_8);
    }
}
