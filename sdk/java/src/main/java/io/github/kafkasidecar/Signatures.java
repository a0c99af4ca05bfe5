package io.github.kafkasidecar;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Checks signatures after Standard Webhooks: HMAC-SHA256 over id, timestamp and body. Immutable and thread-safe. */
final class Signatures {
    private static final String PREFIX = "whsec_";
    private static final String VERSION = "v1,";
    private static final long TOLERANCE_SECONDS = 5 * 60;

    /** No secrets: nothing is checked. */
    static final Signatures NONE = new Signatures(Collections.emptyList());

    private final List<SecretKeySpec> keys;

    private Signatures(List<SecretKeySpec> keys) {
        this.keys = keys;
    }

    /** Takes secrets as {@code whsec_<base64>}, the prefix being optional. */
    static Signatures of(String... secrets) {
        List<SecretKeySpec> keys = new ArrayList<>();
        for (String secret : secrets) {
            keys.add(key(secret));
        }
        if (keys.isEmpty()) {
            throw new IllegalArgumentException("no signing secret given");
        }
        return new Signatures(keys);
    }

    private static SecretKeySpec key(String secret) {
        String base64 = secret.startsWith(PREFIX) ? secret.substring(PREFIX.length()) : secret;
        try {
            return new SecretKeySpec(Base64.getDecoder().decode(base64), "HmacSHA256");
        } catch (IllegalArgumentException e) {
            // Neither the secret nor the cause, which quotes it.
            throw new IllegalArgumentException("a signing secret is not whsec_ followed by base64");
        }
    }

    boolean configured() {
        return !keys.isEmpty();
    }

    /** Returns what is wrong with the signature of a request, null if it is right. */
    String problem(Request request, long nowSeconds) {
        String id = request.header("webhook-id");
        String timestamp = request.header("webhook-timestamp");
        String signatures = request.header("webhook-signature");
        if (id == null || timestamp == null || signatures == null) {
            return "the request is not signed: webhook-id, webhook-timestamp and webhook-signature are needed";
        }
        long seconds;
        try {
            seconds = Long.parseLong(timestamp);
        } catch (NumberFormatException e) {
            return "webhook-timestamp must be seconds since the epoch";
        }
        if (seconds < nowSeconds - TOLERANCE_SECONDS || seconds > nowSeconds + TOLERANCE_SECONDS) {
            return "webhook-timestamp is more than 5 minutes off; compare the clocks of both hosts";
        }
        byte[] start = (id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8);
        for (SecretKeySpec key : keys) {
            if (anyMatches(signatures, sign(key, start, request.body))) {
                return null;
            }
        }
        return "webhook-signature matches none of the signing secrets";
    }

    private static boolean anyMatches(String signatures, byte[] expected) {
        for (String signature : signatures.split(" ")) {
            if (signature.startsWith(VERSION)
                    && MessageDigest.isEqual(expected, signature.getBytes(StandardCharsets.UTF_8))) {
                return true;
            }
        }
        return false;
    }

    private static byte[] sign(SecretKeySpec key, byte[] start, byte[] body) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(key);
            mac.update(start);
            byte[] signature = mac.doFinal(body);
            return (VERSION + Base64.getEncoder().encodeToString(signature)).getBytes(StandardCharsets.UTF_8);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has HmacSHA256", e);
        }
    }
}
