package io.github.kafkasidecar;

import com.fasterxml.jackson.core.JsonParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** The records of a JSON body: where in it their keys, values and headers begin. Filled by {@link JsonRecords} alone. */
final class JsonContent implements Content {
    /** Bits of {@link #forms}. */
    static final byte KEY_BASE64 = 1;
    static final byte VALUE_BASE64 = 2;

    private static final int NO_HEADERS = -1;

    private final byte[] body;
    private final boolean jsonValues;
    private int size;
    private long[] offsets = new long[64];
    private long[] timestamps = new long[64];
    private int[] keys = new int[64];
    private int[] values = new int[64];
    private int[] headers = new int[64];
    private byte[] forms = new byte[64];

    /** With {@code jsonValues} a JSON string in {@code "value"} is the value itself, quotes included. */
    JsonContent(byte[] body, boolean jsonValues) {
        this.body = body;
        this.jsonValues = jsonValues;
    }

    boolean jsonValues() {
        return jsonValues;
    }

    void add(long offset, long timestamp, int key, int value, byte form, int headersAt, int headerCount) {
        if (size == offsets.length) {
            grow(2 * size);
        }
        offsets[size] = offset;
        timestamps[size] = timestamp;
        keys[size] = key;
        values[size] = value;
        forms[size] = form;
        headers[size] = headerCount == 0 ? NO_HEADERS : headersAt;
        size++;
    }

    private void grow(int capacity) {
        offsets = Arrays.copyOf(offsets, capacity);
        timestamps = Arrays.copyOf(timestamps, capacity);
        keys = Arrays.copyOf(keys, capacity);
        values = Arrays.copyOf(values, capacity);
        headers = Arrays.copyOf(headers, capacity);
        forms = Arrays.copyOf(forms, capacity);
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public long offset(int record) {
        return offsets[record];
    }

    @Override
    public long timestamp(int record) {
        return timestamps[record];
    }

    @Override
    public ByteBuffer key(int record) {
        return textOrNull(body, keys[record], (forms[record] & KEY_BASE64) != 0);
    }

    @Override
    public ByteBuffer value(int record) {
        int at = values[record];
        boolean base64 = (forms[record] & VALUE_BASE64) != 0;
        if (body[at] == '"' && (base64 || !jsonValues)) {
            return textOrNull(body, at, base64);
        }
        return body[at] == 'n' ? null : JsonText.raw(body, at);
    }

    static ByteBuffer textOrNull(byte[] body, int at, boolean base64) {
        if (body[at] == 'n') {
            return null;
        }
        return base64 ? JsonText.base64(body, at) : JsonText.string(body, at);
    }

    @Override
    public List<Header> headers(int record) {
        int from = headers[record];
        if (from == NO_HEADERS) {
            return Collections.emptyList();
        }
        List<Header> found = new ArrayList<>();
        try (JsonParser parser = Json.parser(body, from, body.length)) {
            parser.nextToken();
            JsonHeaders.read(parser, body, from, found::add);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (Malformed e) {
            throw new IllegalStateException("headers were valid when the body was read", e);
        }
        return Collections.unmodifiableList(found);
    }
}
