package io.github.kafkasidecar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The SDK's own reading of strings gives what the parser gives, for strings of all kinds of escapes. */
class JsonTextFuzzTest {
    private static final String[] PIECES = {
        "a", "é", "€", "😀", "/", "]", "}", ",", "\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t", "\\u0000", "\\u001f", "\\u0041",
        "\\u007f", "\\u0080", "\\u07FF", "\\u0800", "\\uffff", "\\uD83D\\uDE00", "\\udbff\\udfff", "\\u00e9", "\\\\u0041"
    };
    private static final String[] LONE = {"\\ud800", "\\uDBFF", "\\udc00", "\\uDFFF"};

    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);

    @Test
    void stringsAreUnescapedAsByTheParser() throws IOException {
        for (int i = 0; i < 100_000; i++) {
            String json = "\"" + pieces() + "\"";
            byte[] body = Posts.utf8("[" + json + "]");
            assertTrue(JsonText.isUnicode(body, 1), () -> "seed " + seed + ": " + json);
            assertEquals(parsed(body), Bytes.text(JsonText.string(body, 1)), () -> "seed " + seed + ": " + json);
            assertEquals(json, Bytes.text(JsonText.raw(Posts.utf8("{\"v\":" + json + "}"), 5)), () -> "seed " + seed);
        }
    }

    @Test
    void loneSurrogatesAreFound() throws IOException {
        for (int i = 0; i < 20_000; i++) {
            String json = "\"" + pieces() + LONE[random.nextInt(LONE.length)] + pieces() + "\"";
            byte[] body = Posts.utf8("[" + json + "]");
            String text = parsed(body);
            boolean unicode = text.equals(new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8));
            assertEquals(unicode, JsonText.isUnicode(body, 1), () -> "seed " + seed + ": " + json);
        }
    }

    @Test
    void base64IsToldFromWhatIsNone() {
        for (int i = 0; i < 50_000; i++) {
            byte[] bytes = new byte[random.nextInt(20)];
            random.nextBytes(bytes);
            StringBuilder text = new StringBuilder(Base64.getEncoder().encodeToString(bytes));
            byte[] good = Posts.utf8("\"" + text.toString().replace("/", random.nextBoolean() ? "\\/" : "/") + "\"");
            assertTrue(JsonText.isBase64(good, 0), () -> "seed " + seed);
            assertEquals(text.toString(), Base64.getEncoder().encodeToString(Bytes.copy(JsonText.base64(good, 0))));
            text.insert(random.nextInt(text.length() + 1), "=-_ Aé".charAt(random.nextInt(6)));
            assertFalse(JsonText.isBase64(Posts.utf8("\"" + text + "\""), 0), () -> "seed " + seed + ": " + text);
        }
    }

    private String pieces() {
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(8); i > 0; i--) {
            text.append(PIECES[random.nextInt(PIECES.length)]);
        }
        return text.toString();
    }

    private static String parsed(byte[] body) throws IOException {
        try (JsonParser parser = Json.FACTORY.createParser(body)) {
            parser.nextToken();
            parser.nextToken();
            return parser.getText();
        }
    }
}
