package io.github.kafkasidecar;

import java.nio.ByteBuffer;

/** One header of a record. Immutable and thread-safe. */
public final class Header {
    private final ByteBuffer name;
    private final ByteBuffer value;

    /** Takes views with an accessible array; {@code value} may be null. */
    Header(ByteBuffer name, ByteBuffer value) {
        this.name = name;
        this.value = value;
    }

    /**
     * The name. Bytes that are not UTF-8 are replaced by U+FFFD; {@link #nameBytes()} has them.
     *
     * @return never null, may be empty
     */
    public String name() {
        return Bytes.text(name);
    }

    /**
     * The bytes of the name.
     *
     * @return a fresh copy, never null
     */
    public byte[] nameBytes() {
        return Bytes.copy(name);
    }

    /**
     * The bytes of the value.
     *
     * @return a fresh copy, or null for a null value
     */
    public byte[] value() {
        return Bytes.copy(value);
    }

    /**
     * The value as UTF-8. Bytes that are not UTF-8 are replaced by U+FFFD.
     *
     * @return null for a null value
     */
    public String text() {
        return Bytes.text(value);
    }

    /**
     * For logs, without the content.
     *
     * @return the sizes of name and value
     */
    @Override
    public String toString() {
        return "header (name of " + name.remaining() + " bytes, "
                + (value == null ? "null value" : "value of " + value.remaining() + " bytes") + ")";
    }
}
