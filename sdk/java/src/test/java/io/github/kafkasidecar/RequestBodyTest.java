package io.github.kafkasidecar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.Headers;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Bodies are read to their end or not at all, whether the stream of the JDK's server notices an early end or not. */
class RequestBodyTest {
    private static RequestBody read(byte[] sent, String length, int max) throws IOException {
        Headers headers = new Headers();
        if (length != null) {
            headers.set("Content-length", length);
        }
        return RequestBody.read(headers, new ByteArrayInputStream(sent), max);
    }

    @Test
    void aBodyIsReadWhole() throws IOException {
        for (int size : new int[] {0, 1, 1 << 20, (1 << 20) + 1, 5_000_000}) {
            byte[] sent = new byte[size];
            new Random(size).nextBytes(sent);
            assertArrayEquals(sent, read(sent, " " + size, size).bytes);
        }
    }

    @Test
    void anEarlyEndIsAnError() {
        for (int max : new int[] {10, 3_000_000}) {
            assertThrows(EOFException.class, () -> read(new byte[2_000_000], "2000001", max));
            assertThrows(EOFException.class, () -> read(new byte[0], "11", max));
        }
    }

    @Test
    void whatIsTooBigIsThrownAway() throws IOException {
        RequestBody body = read(new byte[100_000], "100000", 99_999);
        assertNull(body.bytes);
        assertFalse(body.lengthMissing);
    }

    @Test
    void withoutALengthItIsThrownAway() throws IOException {
        RequestBody body = read(new byte[100_000], null, 200_000);
        assertNull(body.bytes);
        assertTrue(body.lengthMissing);
    }
}
