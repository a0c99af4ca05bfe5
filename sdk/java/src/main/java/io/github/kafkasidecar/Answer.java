package io.github.kafkasidecar;

import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** What to answer to a request of the sidecar, see {@link Sidecar#exchange}. Immutable and thread-safe. */
public final class Answer {
    private static final byte[] EMPTY = {};

    private final int status;
    private final Map<String, String> headers;
    private final byte[] body;

    private Answer(int status, Map<String, String> headers, byte[] body) {
        this.status = status;
        this.headers = headers;
        this.body = body;
    }

    static Answer empty(int status) {
        return new Answer(status, Collections.emptyMap(), EMPTY);
    }

    static Answer json(int status, byte[] body) {
        return new Answer(status, Collections.singletonMap("Content-Type", "application/json"), body);
    }

    static Answer text(int status, String text) {
        return new Answer(
                status,
                Collections.singletonMap("Content-Type", "text/plain; charset=utf-8"),
                text.getBytes(StandardCharsets.UTF_8));
    }

    Answer with(String header, String value) {
        Map<String, String> more = new LinkedHashMap<>(headers);
        more.put(header, value);
        return new Answer(status, Collections.unmodifiableMap(more), body);
    }

    /**
     * The HTTP status.
     *
     * @return 200 to 503
     */
    public int status() {
        return status;
    }

    /**
     * The headers to send. {@code Content-Length} is not among them: that is {@code body().length}.
     *
     * @return unmodifiable, may be empty
     */
    public Map<String, String> headers() {
        return headers;
    }

    /**
     * The body to send.
     *
     * @return a fresh copy, empty for none
     */
    public byte[] body() {
        return body.clone();
    }

    /**
     * For logs.
     *
     * @return status, headers and the length of the body
     */
    @Override
    public String toString() {
        return status + " " + headers + ", " + body.length + " bytes";
    }
}
