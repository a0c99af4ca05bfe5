package io.github.kafkasidecar;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;

/** The id of a batch, made of its group and ranges. Source: the protocol, "The batch id". */
final class BatchId {
    private static final int BYTES = 16;

    private BatchId() {}

    static String of(String group, List<OffsetRange> ranges) {
        StringBuilder text = new StringBuilder("1\n").append(group).append('\n');
        for (OffsetRange range : ranges) {
            text.append(range.topic()).append('\n');
            text.append(range.partition()).append('\n');
            text.append(range.fromOffset()).append('\n');
            text.append(range.untilOffset()).append('\n');
        }
        byte[] hash = sha256(text.toString().getBytes(StandardCharsets.UTF_8));
        StringBuilder id = new StringBuilder();
        for (int i = 0; i < BYTES; i++) {
            id.append(String.format("%02x", hash[i]));
        }
        return id.toString();
    }

    private static byte[] sha256(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
