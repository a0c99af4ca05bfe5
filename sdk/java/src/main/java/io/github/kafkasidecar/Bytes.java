package io.github.kafkasidecar;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Views of a body's bytes, made into what a user may hold. Each returns null for null. */
final class Bytes {
    private Bytes() {}

    static byte[] copy(ByteBuffer view) {
        if (view == null) {
            return null;
        }
        int from = view.arrayOffset() + view.position();
        return Arrays.copyOfRange(view.array(), from, from + view.remaining());
    }

    static String text(ByteBuffer view) {
        if (view == null) {
            return null;
        }
        return new String(view.array(), view.arrayOffset() + view.position(), view.remaining(), StandardCharsets.UTF_8);
    }

    static ByteBuffer readOnly(ByteBuffer view) {
        // slice: a user sees positions from 0, whatever the place in the body.
        return view == null ? null : view.slice().asReadOnlyBuffer();
    }
}
