package io.github.kafkasidecar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Bodies that were damaged at random are refused or are a batch that can be looked at; never anything else. */
class GarbageFuzzTest {
    private static final int ROUNDS = 10_000;

    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);
    private final List<Object> seen = new ArrayList<>();
    private final Sidecar sidecar = Sidecar.handle(batch -> {
        seen.add(Vectors.data(batch));
        batch.records().forEach(record -> seen.add(record.timestamp() + record.text() + record.keyText()));
    });

    @Test
    void json() throws Exception {
        List<byte[]> bodies = new ArrayList<>();
        for (JsonNode vector : Vectors.read("encode.json").get("cases")) {
            bodies.add(Posts.utf8(vector.get("auto").asText()));
            bodies.add(Posts.utf8(vector.get("json").asText()));
        }
        int accepted = 0;
        for (int i = 0; i < ROUNDS; i++) {
            byte[] body = damaged(bodies.get(random.nextInt(bodies.size())));
            seen.clear();
            int status = exchange("application/json", body);
            if (status == 200) {
                accepted++;
                new ObjectMapper().readTree(body); // throws if the SDK took what is no JSON
            }
        }
        assertTrue(accepted > ROUNDS / 100, "some damage is harmless, else the test is: " + accepted);
    }

    @Test
    void columns() {
        List<byte[]> bodies = new ArrayList<>();
        for (JsonNode vector : Vectors.read("encode.json").get("cases")) {
            bodies.add(Vectors.base64(vector.get("columns")));
        }
        int accepted = 0;
        for (int i = 0; i < ROUNDS; i++) {
            accepted += exchange("application/vnd.kafka-sidecar.columns", damaged(bodies.get(random.nextInt(bodies.size())))) == 200 ? 1 : 0;
        }
        assertTrue(accepted > ROUNDS / 100, "some damage is harmless, else the test is: " + accepted);
    }

    private int exchange(String contentType, byte[] body) {
        seen.clear();
        Answer answer = sidecar.exchange(Posts.headers(contentType, "Sidecar-Value", random.nextBoolean() ? "json" : null), body);
        String text = "seed " + seed + ": " + Posts.text(answer);
        if (answer.status() == 500) {
            assertTrue(Posts.text(answer).startsWith("the body is not a batch: "), text);
            assertTrue(seen.isEmpty(), text);
        } else {
            assertEquals(200, answer.status(), text);
            assertTrue(!seen.isEmpty(), text);
        }
        return answer.status();
    }

    private byte[] damaged(byte[] good) {
        byte[] body = good.clone();
        for (int i = random.nextInt(3); i >= 0 && body.length > 0; i--) {
            int at = random.nextInt(body.length);
            switch (random.nextInt(5)) {
                case 0:
                    body[at] = (byte) random.nextInt();
                    break;
                case 1:
                    body[at] ^= (byte) (1 << random.nextInt(8));
                    break;
                case 2:
                    body[at] = good[random.nextInt(good.length)];
                    break;
                case 3:
                    body = java.util.Arrays.copyOf(body, at);
                    break;
                default:
                    body = without(body, at, Math.min(body.length - at, 1 + random.nextInt(8)));
                    break;
            }
        }
        return body;
    }

    private static byte[] without(byte[] body, int from, int count) {
        byte[] rest = new byte[body.length - count];
        System.arraycopy(body, 0, rest, 0, from);
        System.arraycopy(body, from + count, rest, from, rest.length - from);
        return rest;
    }
}
