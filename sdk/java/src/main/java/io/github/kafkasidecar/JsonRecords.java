package io.github.kafkasidecar;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;

/** Reads the list {@code records} of a partition in a JSON body: checks everything, decodes nothing. One thread. */
final class JsonRecords {
    private static final int OFFSET = 1;
    private static final int TIMESTAMP = 2;
    private static final int KEY = 4;
    private static final int VALUE = 8;
    private static final int HEADERS = 16;

    private final byte[] body;
    private final JsonContent content;

    /** What the current record has, as bits; and its fields. */
    private int seen;
    private long offset;
    private long timestamp;
    private int key;
    private int value;
    private byte form;
    private int headersAt;
    private int headerCount;

    JsonRecords(byte[] body, JsonContent content) {
        this.body = body;
        this.content = content;
    }

    /** Adds the records to the content; returns how many there are. */
    int read(JsonParser parser) throws IOException, Malformed {
        Json.expect(parser, JsonToken.START_ARRAY, "a list");
        int count = 0;
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            record(parser);
            count++;
        }
        return count;
    }

    private void record(JsonParser parser) throws IOException, Malformed {
        Json.expect(parser, JsonToken.START_OBJECT, "an object");
        seen = 0;
        form = 0;
        for (String field = parser.nextFieldName(); field != null; field = parser.nextFieldName()) {
            parser.nextToken();
            field(parser, field);
        }
        Json.required(parser, (seen & OFFSET) != 0, "offset");
        Json.required(parser, (seen & TIMESTAMP) != 0, "timestamp");
        Json.required(parser, (seen & KEY) != 0, "key");
        Json.required(parser, (seen & VALUE) != 0, "value");
        Json.required(parser, (seen & HEADERS) != 0, "headers");
        checkText(parser, body, key, (form & JsonContent.KEY_BASE64) != 0, "key");
        boolean valueBase64 = (form & JsonContent.VALUE_BASE64) != 0;
        if (valueBase64 || !content.jsonValues()) {
            checkText(parser, body, value, valueBase64, "value");
        }
        content.add(offset, timestamp, key, value, form, headersAt, headerCount);
    }

    private void field(JsonParser parser, String field) throws IOException, Malformed {
        switch (field) {
            case "offset":
                once(parser, OFFSET);
                offset = Json.whole(parser, 0);
                break;
            case "timestamp":
                once(parser, TIMESTAMP);
                timestamp = Json.whole(parser, Long.MIN_VALUE);
                break;
            case "key":
                once(parser, KEY);
                if (parser.currentToken() != JsonToken.VALUE_NULL) {
                    Json.expect(parser, JsonToken.VALUE_STRING, "text or null");
                }
                key = Json.position(parser);
                break;
            case "keyBase64":
                once(parser, KEY);
                Json.expect(parser, JsonToken.VALUE_STRING, "text");
                key = Json.position(parser);
                form |= JsonContent.KEY_BASE64;
                break;
            case "value":
                once(parser, VALUE);
                value = Json.position(parser);
                parser.skipChildren();
                break;
            case "valueBase64":
                once(parser, VALUE);
                Json.expect(parser, JsonToken.VALUE_STRING, "text");
                value = Json.position(parser);
                form |= JsonContent.VALUE_BASE64;
                break;
            case "headers":
                once(parser, HEADERS);
                headersAt = Json.position(parser);
                headerCount = JsonHeaders.read(parser, body, 0, null);
                break;
            default:
                parser.skipChildren();
                break;
        }
    }

    private void once(JsonParser parser, int bit) throws Malformed {
        Json.once(parser, (seen & bit) != 0);
        seen |= bit;
    }

    /** Checks a string that the parser has passed, so that it can be decoded later without fail. */
    static void checkText(JsonParser parser, byte[] body, int at, boolean base64, String field) throws Malformed {
        if (body[at] != '"') {
            return;
        }
        if (base64 && !JsonText.isBase64(body, at)) {
            throw Json.malformed(parser, "has a " + field + " that is not padded base64");
        }
        if (!base64 && !JsonText.isUnicode(body, at)) {
            throw Json.malformed(parser, "has a " + field + " with half of a surrogate pair");
        }
    }
}
