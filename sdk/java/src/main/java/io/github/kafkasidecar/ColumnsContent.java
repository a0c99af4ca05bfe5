package io.github.kafkasidecar;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collections;
import java.util.List;

/** The records of a body in the columns format: all lengths are known to add up, keys and values are views of it. */
final class ColumnsContent implements Content {
    /** Where the head begins: behind {@code KSC1} and its length. */
    static final int HEAD = 8;

    private static final int MAGIC = 'K' | 'S' << 8 | 'C' << 16 | '1' << 24;
    private static final int NULL = -1;

    private final ByteBuffer body;
    private final int records;
    private final int offsets;
    private final int timestamps;
    private final Slices keys;
    private final Slices values;
    private final Slices headerNames;
    private final Slices headerValues;
    /** The headers of the record i are {@code firstHeaders[i]} to {@code firstHeaders[i + 1]}. */
    private final int[] firstHeaders;

    /** Byte strings that lie in the body one after the other, with the column of their lengths. */
    private static final class Slices {
        final ByteBuffer body;
        final int lengths;
        final int[] starts;
        final long end;

        Slices(ByteBuffer body, int lengths, int count, long start, int shortest, String what) throws Malformed {
            this.body = body;
            this.lengths = lengths;
            this.starts = new int[count];
            long at = start;
            for (int i = 0; i < count; i++) {
                int length = body.getInt(lengths + 4 * i);
                if (length < shortest) {
                    throw new Malformed("the length of " + what + " " + i + " is " + length);
                }
                starts[i] = (int) at;
                at += Math.max(length, 0);
                if (at > body.limit()) {
                    throw new Malformed(what + " " + i + " of " + length + " bytes goes beyond the body");
                }
            }
            this.end = at;
        }

        ByteBuffer get(int i) {
            int length = body.getInt(lengths + 4 * i);
            return length == NULL ? null : ByteBuffer.wrap(body.array(), starts[i], length);
        }
    }

    private ColumnsContent(ByteBuffer body, int headEnd, int records, int headers) throws Malformed {
        this.body = body;
        this.records = records;
        offsets = headEnd;
        timestamps = offsets + 8 * records;
        int keyLengths = timestamps + 8 * records;
        int valueLengths = keyLengths + 4 * records;
        int headerCounts = valueLengths + 4 * records;
        int nameLengths = headerCounts + 4 * records;
        int headerValueLengths = nameLengths + 4 * headers;
        int bytes = headerValueLengths + 4 * headers;
        firstHeaders = firstHeaders(body, headerCounts, records, headers);
        keys = new Slices(body, keyLengths, records, bytes, NULL, "key");
        values = new Slices(body, valueLengths, records, keys.end, NULL, "value");
        headerNames = new Slices(body, nameLengths, headers, values.end, 0, "header name");
        headerValues = new Slices(body, headerValueLengths, headers, headerNames.end, NULL, "header value");
        if (headerValues.end != body.limit()) {
            throw new Malformed("the lengths add up to " + headerValues.end + " bytes, the body has " + body.limit());
        }
    }

    /** Where the head ends. */
    static int headEnd(byte[] bytes) throws Malformed {
        ByteBuffer body = littleEndian(bytes);
        if (bytes.length < HEAD || body.getInt(0) != MAGIC) {
            throw new Malformed("it does not begin with KSC1 and the length of its head");
        }
        long end = HEAD + (body.getInt(4) & 0xFFFFFFFFL);
        if (end > bytes.length || end % 8 != 0) {
            throw new Malformed("the head ends at byte " + end + " of " + bytes.length
                    + "; it must end within the body at a multiple of 8");
        }
        return (int) end;
    }

    /** Reads what follows the head, which announces {@code records} and {@code headers}. */
    static ColumnsContent read(byte[] bytes, int headEnd, long records, long headers) throws Malformed {
        long columns = 28 * records + 8 * headers; // both below 2^63 / 28: a head has no room for so many partitions
        if (columns > bytes.length - headEnd) {
            throw new Malformed("the head announces " + records + " records and " + headers
                    + " headers, more than the body has room for");
        }
        return new ColumnsContent(littleEndian(bytes), headEnd, (int) records, (int) headers);
    }

    private static ByteBuffer littleEndian(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static int[] firstHeaders(ByteBuffer body, int counts, int records, int headers) throws Malformed {
        int[] firsts = new int[records + 1];
        long sum = 0;
        for (int i = 0; i < records; i++) {
            int count = body.getInt(counts + 4 * i);
            sum += count;
            if (count < 0 || sum > headers) {
                throw new Malformed("the header count of record " + i + " is " + count + ", with " + headers
                        + " headers in all");
            }
            firsts[i + 1] = (int) sum;
        }
        if (sum != headers) {
            throw new Malformed("the header counts add up to " + sum + ", the head announces " + headers);
        }
        return firsts;
    }

    @Override
    public int size() {
        return records;
    }

    @Override
    public long offset(int record) {
        return body.getLong(offsets + 8 * record);
    }

    @Override
    public long timestamp(int record) {
        return body.getLong(timestamps + 8 * record);
    }

    @Override
    public ByteBuffer key(int record) {
        return keys.get(record);
    }

    @Override
    public ByteBuffer value(int record) {
        return values.get(record);
    }

    @Override
    public List<Header> headers(int record) {
        int first = firstHeaders[record];
        int count = firstHeaders[record + 1] - first;
        return count == 0
                ? Collections.emptyList()
                : new LazyList<>(count, i -> new Header(headerNames.get(first + i), headerValues.get(first + i)));
    }
}
