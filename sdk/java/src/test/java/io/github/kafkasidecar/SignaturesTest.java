package io.github.kafkasidecar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;

class SignaturesTest {
    private static final long NOW = 1_764_000_000;
    private static final String SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private static final byte[] BODY = Posts.batch(Posts.partition("orders", 3, 1));

    private final Sidecar sidecar = Sidecar.handle(batch -> {})
            .withClock(Clock.fixed(Instant.ofEpochSecond(NOW), ZoneOffset.UTC));

    private static String sign(String secret, String id, long seconds, byte[] body) throws Exception {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(Base64.getDecoder().decode(secret.replace("whsec_", "")), "HmacSHA256"));
        mac.update(Posts.utf8(id + "." + seconds + "."));
        return "v1," + Base64.getEncoder().encodeToString(mac.doFinal(body));
    }

    private Answer post(Sidecar sidecar, String id, String timestamp, String signature) {
        return Posts.json(sidecar, BODY, "webhook-id", id, "webhook-timestamp", timestamp, "webhook-signature", signature);
    }

    /** The example of the specification of Standard Webhooks. */
    @Test
    void theKnownExampleIsRight() {
        Request request = new Request("POST", name -> switch (name) {
            case "webhook-id" -> "msg_p5jXN8AQM9LWM0D4loKWxJek";
            case "webhook-timestamp" -> "1614265330";
            default -> "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        }, Posts.utf8("{\"test\": 2432232314}"), false, false);
        assertNull(Signatures.of(SECRET).problem(request, 1_614_265_330));
    }

    @Test
    void aRightSignaturePasses() throws Exception {
        Sidecar signed = sidecar.withSigningSecrets(SECRET);
        String signature = sign(SECRET, "b1", NOW, BODY);
        assertEquals(200, post(signed, "b1", "" + NOW, signature).status());
        assertEquals(200, post(signed, "b1", "" + NOW, "v1,AAAA v1a,x " + signature).status());
        assertEquals(200, post(sidecar.withSigningSecrets(SECRET.substring(6)), "b1", "" + NOW, signature).status());
        for (long seconds : new long[] {NOW - 300, NOW + 300}) {
            assertEquals(200, post(signed, "b1", "" + seconds, sign(SECRET, "b1", seconds, BODY)).status());
        }
    }

    @Test
    void eachOfSeveralSecretsPasses() throws Exception {
        String other = "whsec_" + Base64.getEncoder().encodeToString(new byte[24]);
        Sidecar signed = sidecar.withSigningSecrets(other, SECRET);
        assertEquals(200, post(signed, "b1", "" + NOW, sign(SECRET, "b1", NOW, BODY)).status());
        assertEquals(200, post(signed, "b1", "" + NOW, sign(other, "b1", NOW, BODY)).status());
    }

    @Test
    void anythingElseIsRefused() throws Exception {
        Sidecar signed = sidecar.withSigningSecrets(SECRET);
        String signature = sign(SECRET, "b1", NOW, BODY);
        String notSigned = "the request is not signed: webhook-id, webhook-timestamp and webhook-signature are needed";
        assertRefused(notSigned, Posts.json(signed, BODY));
        assertRefused(notSigned, post(signed, "b1", "" + NOW, null));
        assertRefused("webhook-timestamp must be seconds since the epoch", post(signed, "b1", "now", signature));
        String off = "webhook-timestamp is more than 5 minutes off; compare the clocks of both hosts";
        assertRefused(off, post(signed, "b1", "" + (NOW - 301), sign(SECRET, "b1", NOW - 301, BODY)));
        assertRefused(off, post(signed, "b1", "" + (NOW + 301), sign(SECRET, "b1", NOW + 301, BODY)));
        assertRefused(off, post(signed, "b1", "" + Long.MIN_VALUE, signature));
        String none = "webhook-signature matches none of the signing secrets";
        assertRefused(none, post(signed, "b1", "" + (NOW + 1), signature));
        assertRefused(none, post(signed, "b2", "" + NOW, signature));
        assertRefused(none, post(signed, "b1", "" + NOW, signature.substring(3)));
        assertRefused(none, post(signed, "b1", "" + NOW, ""));
        assertRefused("webhook-id is not the id of the batch", post(signed, "b2", "" + NOW, sign(SECRET, "b2", NOW, BODY)));
    }

    private static void assertRefused(String text, Answer answer) {
        assertEquals(text, Posts.text(answer));
        assertEquals(401, answer.status());
    }

    @Test
    void theProbeNeedsNone() {
        assertEquals(200, sidecar.withSigningSecrets(SECRET).exchange("GET", name -> null, new byte[0]).status());
    }

    @Test
    void secretsAreNeverShown() {
        String message = assertThrows(IllegalArgumentException.class, () -> sidecar.withSigningSecrets("whsec_not base64")).getMessage();
        assertFalse(message.contains("not base64"), message);
        assertThrows(IllegalArgumentException.class, sidecar::withSigningSecrets);
        assertThrows(IllegalArgumentException.class, () -> sidecar.withSigningSecrets("whsec_"));
        assertFalse(sidecar.withSigningSecrets(SECRET).toString().contains("MfKQ"));
    }
}
