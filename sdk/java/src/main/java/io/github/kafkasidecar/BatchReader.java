package io.github.kafkasidecar;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Makes a batch of a body and refuses what is none: afterwards nothing of the batch can fail for what the body holds.
 * Unknown fields are passed by. One use, one thread.
 */
final class BatchReader {
    /** Reads the field {@code records} of a partition; returns how many records it has. */
    private interface RecordsField {
        int read(JsonParser parser) throws IOException, Malformed;
    }

    private final boolean columns;
    private final RecordsField recordsField;

    private String batch;
    private String group;
    private Integer attempt;
    private Integer headers;
    private boolean partitionsSeen;
    private final List<OffsetRange> ranges = new ArrayList<>();
    private final List<Integer> counts = new ArrayList<>();

    private BatchReader(boolean columns, RecordsField recordsField) {
        this.columns = columns;
        this.recordsField = recordsField;
    }

    /** Reads a JSON body. With {@code jsonValues} a string in {@code "value"} is the value itself, quotes included. */
    static Batch json(byte[] body, boolean jsonValues) throws Malformed {
        Utf8.check(body, 0, body.length);
        JsonContent content = new JsonContent(body, jsonValues);
        BatchReader reader = new BatchReader(false, new JsonRecords(body, content)::read);
        reader.read(body, 0, body.length);
        return reader.batch(content);
    }

    /** Reads a body in the columns format. */
    static Batch columns(byte[] body) throws Malformed {
        int headEnd = ColumnsContent.headEnd(body);
        Utf8.check(body, ColumnsContent.HEAD, headEnd);
        BatchReader reader = new BatchReader(true, parser -> Json.whole32(parser, 0));
        reader.read(body, ColumnsContent.HEAD, headEnd);
        if (reader.headers == null) {
            throw new Malformed("the batch has no headers");
        }
        long records = 0;
        for (int count : reader.counts) {
            records += count;
        }
        return reader.batch(ColumnsContent.read(body, headEnd, records, reader.headers));
    }

    private void read(byte[] body, int from, int end) throws Malformed {
        try (JsonParser parser = Json.parser(body, from, end)) {
            parser.nextToken();
            Json.expect(parser, JsonToken.START_OBJECT, "an object");
            for (String field = parser.nextFieldName(); field != null; field = parser.nextFieldName()) {
                parser.nextToken();
                field(parser, field);
            }
            Json.required(parser, batch != null, "batch");
            Json.required(parser, group != null, "group");
            Json.required(parser, attempt != null, "attempt");
            Json.required(parser, !ranges.isEmpty(), "partitions");
            if (parser.nextToken() != null) {
                throw Json.malformed(parser, "is followed by more");
            }
        } catch (JsonProcessingException e) {
            throw Json.notJson(e, from);
        } catch (IOException e) {
            throw new UncheckedIOException(e); // can't be: the bytes are in memory
        }
    }

    private void field(JsonParser parser, String field) throws IOException, Malformed {
        switch (field) {
            case "batch":
                Json.once(parser, batch != null);
                batch = Json.text(parser);
                break;
            case "group":
                Json.once(parser, group != null);
                group = Json.text(parser);
                break;
            case "attempt":
                Json.once(parser, attempt != null);
                attempt = Json.whole32(parser, 1);
                break;
            case "headers":
                if (!columns) {
                    parser.skipChildren();
                    break;
                }
                Json.once(parser, headers != null);
                headers = Json.whole32(parser, 0);
                break;
            case "partitions":
                Json.once(parser, partitionsSeen);
                partitionsSeen = true;
                partitions(parser);
                break;
            default:
                parser.skipChildren();
                break;
        }
    }

    private void partitions(JsonParser parser) throws IOException, Malformed {
        Json.expect(parser, JsonToken.START_ARRAY, "a list");
        Set<List<Object>> seen = new HashSet<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            Json.expect(parser, JsonToken.START_OBJECT, "an object");
            partition(parser);
            OffsetRange range = ranges.get(ranges.size() - 1);
            if (!seen.add(Arrays.asList(range.topic(), range.partition()))) {
                throw Json.malformed(parser, "is a partition that stands in the batch already");
            }
        }
    }

    private void partition(JsonParser parser) throws IOException, Malformed {
        String topic = null;
        Integer partition = null;
        Long from = null;
        Long until = null;
        Long fence = null;
        Integer records = null;
        for (String field = parser.nextFieldName(); field != null; field = parser.nextFieldName()) {
            parser.nextToken();
            switch (field) {
                case "topic":
                    Json.once(parser, topic != null);
                    topic = Json.text(parser);
                    break;
                case "partition":
                    Json.once(parser, partition != null);
                    partition = Json.whole32(parser, 0);
                    break;
                case "fromOffset":
                    Json.once(parser, from != null);
                    from = Json.whole(parser, 0);
                    break;
                case "untilOffset":
                    Json.once(parser, until != null);
                    until = Json.whole(parser, 0);
                    break;
                case "fence":
                    Json.once(parser, fence != null);
                    fence = Json.whole(parser, Long.MIN_VALUE);
                    break;
                case "records":
                    Json.once(parser, records != null);
                    records = recordsField.read(parser);
                    break;
                default:
                    parser.skipChildren();
                    break;
            }
        }
        Json.required(parser, topic != null, "topic");
        Json.required(parser, partition != null, "partition");
        Json.required(parser, from != null, "fromOffset");
        Json.required(parser, until != null, "untilOffset");
        Json.required(parser, fence != null, "fence");
        Json.required(parser, records != null && records > 0, "records");
        ranges.add(new OffsetRange(topic, partition, from, until, fence));
        counts.add(records);
    }

    private Batch batch(Content content) throws Malformed {
        int[] ends = new int[counts.size()];
        int end = 0;
        for (int i = 0; i < ends.length; i++) {
            int first = end;
            end += counts.get(i);
            ends[i] = end;
            checkOffsets(ranges.get(i), content, first, end);
        }
        return new Batch(batch, group, attempt, ranges.toArray(new OffsetRange[0]), ends, content);
    }

    private static void checkOffsets(OffsetRange range, Content content, int first, int end) throws Malformed {
        long before = -1;
        for (int i = first; i < end; i++) {
            long offset = content.offset(i);
            if (offset < range.fromOffset() || offset >= range.untilOffset()) {
                throw new Malformed("record " + range.topic() + "/" + range.partition() + "@" + offset
                        + " is outside of its range " + range);
            }
            if (offset <= before) {
                throw new Malformed("record " + range.topic() + "/" + range.partition() + "@" + offset
                        + " comes after offset " + before + "; offsets must ascend");
            }
            before = offset;
        }
    }
}
