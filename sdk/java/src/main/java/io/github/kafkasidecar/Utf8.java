package io.github.kafkasidecar;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;

/** Checks that bytes are UTF-8, which the JSON parser does not do for what it passes by. */
final class Utf8 {
    private Utf8() {}

    static void check(byte[] body, int from, int end) throws Malformed {
        int at = from;
        while (at < end && body[at] >= 0) {
            at++;
        }
        if (at < end) {
            decode(ByteBuffer.wrap(body, at, end - at));
        }
    }

    /** Decodes into a small buffer that is thrown away: the text itself is not needed. */
    private static void decode(ByteBuffer bytes) throws Malformed {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder(); // reports, where String replaces
        CharBuffer chars = CharBuffer.allocate(Math.min(bytes.remaining(), 8192) + 1);
        CoderResult result;
        do {
            chars.clear();
            result = decoder.decode(bytes, chars, true);
        } while (result.isOverflow());
        if (result.isError()) {
            throw new Malformed("byte " + bytes.position() + " is not UTF-8");
        }
    }
}
