package io.github.kafkasidecar;

import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Requests for tests, and what is read of their answers. */
final class Posts {
    private static final String START = "{\"batch\":\"b1\",\"group\":\"billing\",\"attempt\":1,\"partitions\":[";

    private Posts() {}

    /** The headers of a request with more of them, as names and values in turns. */
    static Map<String, List<String>> headers(String contentType, String... more) {
        Map<String, List<String>> headers = new HashMap<>();
        headers.put("Content-Type", Collections.singletonList(contentType));
        headers.put("Sidecar-Protocol", Collections.singletonList("1"));
        for (int i = 0; i < more.length; i += 2) {
            if (more[i + 1] == null) {
                headers.remove(more[i]);
            } else {
                headers.put(more[i], Collections.singletonList(more[i + 1]));
            }
        }
        return headers;
    }

    static byte[] batch(String... partitions) {
        return utf8(START + String.join(",", partitions) + "]}");
    }

    /** A partition whose records are named by their offsets. */
    static String partition(String topic, int partition, long... offsets) {
        StringBuilder records = new StringBuilder();
        for (long offset : offsets) {
            records.append(records.length() == 0 ? "" : ",").append(record(offset, "\"key\":null,\"value\":\"v\""));
        }
        return partition(topic, partition, offsets[0], offsets[offsets.length - 1] + 1, records.toString());
    }

    static String partition(String topic, int partition, long from, long until, String records) {
        return "{\"topic\":\"" + topic + "\",\"partition\":" + partition + ",\"fromOffset\":" + from
                + ",\"untilOffset\":" + until + ",\"fence\":7,\"records\":[" + records + "]}";
    }

    static String record(long offset, String keyAndValue) {
        return "{\"offset\":" + offset + ",\"timestamp\":-1," + keyAndValue + ",\"headers\":[]}";
    }

    /** A batch of one record orders/3@5 with these fields for key and value. */
    static byte[] record(String keyAndValue) {
        return batch(partition("orders", 3, 5, 6, record(5, keyAndValue)));
    }

    static Answer json(Sidecar sidecar, byte[] body, String... headers) {
        return sidecar.exchange(headers("application/json", headers), body);
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String text(Answer answer) {
        return new String(answer.body(), StandardCharsets.UTF_8);
    }
}
