package io.github.kafkasidecar;

import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;

/**
 * The application's side of Kafka Sidecar: takes its requests, gives the batches in them to a {@link Handler}, and
 * answers what became of them.
 *
 * <pre>{@code
 * Sidecar.handle(batch -> { for (Record r : batch.records()) save(r); }).serve(8080);
 * }</pre>
 *
 * <p>{@link #serve(int)} runs an HTTP server of its own. {@link #exchange} is the pure function behind it, to be called
 * from a servlet, a Spring controller or any other server.
 *
 * <p>The handler is never called twice at once for a partition: while it runs, a request for the same partition is
 * answered 503 and comes again. This holds for all that is derived from one {@link #handle} by the methods
 * {@code with...}, and within this process.
 *
 * <p>Immutable and thread-safe. Each {@code with...} returns a new value and leaves this one as it is. Log lines go to
 * the {@code java.util.logging} logger {@code io.github.kafkasidecar}; they never hold keys, values or headers of
 * records, save what the exceptions of the handler say.
 */
public final class Sidecar {
    private static final int DEFAULT_MAX_BODY = 64 << 20;
    private static final Duration DEFAULT_STOP_TIMEOUT = Duration.ofSeconds(25);

    final Handler handler;
    final Running running;
    /** Null if no token is needed. */
    final byte[] token;
    final Signatures signatures;
    final int maxBody;
    final Duration stopTimeout;
    final Clock clock;

    private Sidecar(
            Handler handler,
            Running running,
            byte[] token,
            Signatures signatures,
            int maxBody,
            Duration stopTimeout,
            Clock clock) {
        this.handler = handler;
        this.running = running;
        this.token = token;
        this.signatures = signatures;
        this.maxBody = maxBody;
        this.stopTimeout = stopTimeout;
        this.clock = clock;
    }

    /**
     * Begins with the handler and the defaults: no token, no signatures, bodies up to 64 MiB.
     *
     * @param handler called by several threads at once if the sidecar has several requests in flight
     * @return a value to serve or to call {@link #exchange} on
     */
    public static Sidecar handle(Handler handler) {
        Objects.requireNonNull(handler, "handler");
        return new Sidecar(
                handler,
                new Running(),
                null,
                Signatures.NONE,
                DEFAULT_MAX_BODY,
                DEFAULT_STOP_TIMEOUT,
                Clock.systemUTC());
    }

    /**
     * Asks for {@code Authorization: Bearer <token>} in every request, the readiness probe included.
     *
     * @param token the {@code app.token} of the sidecar, not blank
     * @return a new value
     * @throws IllegalArgumentException if the token is blank
     */
    public Sidecar withToken(String token) {
        if (token.trim().isEmpty()) {
            throw new IllegalArgumentException("the token is blank");
        }
        byte[] bytes = token.trim().getBytes(StandardCharsets.UTF_8);
        return new Sidecar(handler, running, bytes, signatures, maxBody, stopTimeout, clock);
    }

    /**
     * Asks for a signature of every batch after Standard Webhooks (headers {@code webhook-id},
     * {@code webhook-timestamp} and {@code webhook-signature}). The clocks may differ by 5 minutes.
     *
     * @param secrets each {@code whsec_<base64>}, the prefix being optional; a signature by any of them is right, so
     *     that secrets can be changed without a gap
     * @return a new value
     * @throws IllegalArgumentException if there is none, or one is not base64
     */
    public Sidecar withSigningSecrets(String... secrets) {
        return new Sidecar(handler, running, token, Signatures.of(secrets), maxBody, stopTimeout, clock);
    }

    /**
     * Refuses bodies above a size with 413, whereupon the sidecar splits the batch.
     *
     * @param bytes 1 or more; default: 64 MiB. A record that is too big alone goes to the sidecar's dead-letter policy
     * @return a new value
     * @throws IllegalArgumentException if it is less than 1
     */
    public Sidecar withMaxBody(int bytes) {
        if (bytes < 1) {
            throw new IllegalArgumentException("max body is " + bytes + " bytes; it must be 1 or more");
        }
        return new Sidecar(handler, running, token, signatures, bytes, stopTimeout, clock);
    }

    /**
     * Sets how long a server that stops waits for the handlers in progress.
     *
     * @param timeout default: 25 s, to fit the 30 s that Kubernetes grants. What runs longer is cut off without an
     *     answer and comes again
     * @return a new value
     * @throws IllegalArgumentException if it is negative or longer than a day
     */
    public Sidecar withStopTimeout(Duration timeout) {
        if (timeout.isNegative() || timeout.compareTo(Duration.ofDays(1)) > 0) {
            throw new IllegalArgumentException("stop timeout is " + timeout + "; it must be 0 to 1 day");
        }
        return new Sidecar(handler, running, token, signatures, maxBody, timeout, clock);
    }

    /** For tests of the signatures' timestamps. */
    Sidecar withClock(Clock clock) {
        return new Sidecar(handler, running, token, signatures, maxBody, stopTimeout, clock);
    }

    /**
     * Serves on 127.0.0.1, where a sidecar in the same pod or on the same host reaches it. Returns at once; the
     * process lives on until the server is closed.
     *
     * @param port 0 picks a free one, see {@link Server#port()}
     * @return the running server
     * @throws java.io.UncheckedIOException if the port can't be listened on; the message says why
     * @throws IllegalArgumentException if the port is not within 0 to 65535
     */
    public Server serve(int port) {
        return serve("127.0.0.1", port);
    }

    /**
     * Serves on an address of this host. Returns at once; the process lives on until the server is closed.
     *
     * @param host a name or an address; {@code 0.0.0.0} means all of IPv4. With others than the loopback, use
     *     {@link #withToken} or {@link #withSigningSecrets}
     * @param port 0 picks a free one, see {@link Server#port()}
     * @return the running server
     * @throws java.io.UncheckedIOException if it can't be listened there; the message says why
     * @throws IllegalArgumentException if the port is not within 0 to 65535
     */
    public Server serve(String host, int port) {
        return Server.start(this, host, port);
    }

    /**
     * Handles a POST that some other server received, as {@link #exchange(String, Function, byte[])} does.
     *
     * @param headers the request's headers; the case of their names does not matter, the first value of a name counts
     * @param body the whole body. Must not be changed afterwards: records are views of it
     * @return what to answer: the status, all headers and the body; never null
     */
    public Answer exchange(Map<String, List<String>> headers, byte[] body) {
        return exchange("POST", name -> first(headers, name), body);
    }

    /**
     * Handles a request that some other server received. The handler is called in this thread. It never throws:
     * whatever is wrong with the request, and whatever the handler throws, becomes an answer.
     *
     * @param method the request's method: POST for batches, GET or HEAD for the readiness probe
     * @param header looks up a request header: given its name, in any case, it returns the first value or null. Most
     *     servers have it as a method, for example {@code request::getHeader}
     * @param body the whole body, empty if there is none. Must not be changed afterwards: records are views of it
     * @return what to answer: the status, all headers and the body; never null
     */
    public Answer exchange(String method, Function<String, String> header, byte[] body) {
        return Exchange.answer(this, new Request(method, header, body, false, false));
    }

    private static String first(Map<String, List<String>> headers, String name) {
        for (Map.Entry<String, List<String>> header : headers.entrySet()) {
            if (name.equalsIgnoreCase(header.getKey()) && !header.getValue().isEmpty()) {
                return header.getValue().get(0);
            }
        }
        return null;
    }

    /**
     * For logs, without the secrets.
     *
     * @return what is configured
     */
    @Override
    public String toString() {
        return "Sidecar (token: " + (token == null ? "no" : "yes") + ", signatures: "
                + (signatures.configured() ? "yes" : "no") + ", max body: " + maxBody + " bytes)";
    }
}
