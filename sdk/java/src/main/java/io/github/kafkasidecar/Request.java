package io.github.kafkasidecar;

import java.util.function.Function;

/** A request whose body was read to its end, with what the server knows about it. */
final class Request {
    final String method;
    final Function<String, String> headers;
    /** Null if it was thrown away: it had no length or was too long. */
    final byte[] body;
    final boolean lengthMissing;
    /** Whether the server that got it is stopping. */
    final boolean stopping;

    Request(String method, Function<String, String> headers, byte[] body, boolean lengthMissing, boolean stopping) {
        this.method = method;
        this.headers = headers;
        this.body = body;
        this.lengthMissing = lengthMissing;
        this.stopping = stopping;
    }

    /** A header's value without white space around it, null if it is missing. */
    String header(String name) {
        String value = headers.apply(name);
        return value == null ? null : value.trim();
    }
}
