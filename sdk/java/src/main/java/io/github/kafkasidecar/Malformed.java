package io.github.kafkasidecar;

/** A body that is no batch. The message says where and what, and holds nothing of a record. */
final class Malformed extends Exception {
    private static final long serialVersionUID = 1L;

    Malformed(String message) {
        super(message);
    }
}
