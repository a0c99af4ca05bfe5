package io.github.kafkasidecar;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.function.Consumer;

/** Reads the headers of one record in a JSON body: once to check them, again when they are looked at. */
final class JsonHeaders {
    private static final int ABSENT = -1;

    private final JsonParser parser;
    private final byte[] body;
    /** Where in the body the parser's bytes begin. */
    private final int base;

    private int name;
    private boolean nameBase64;
    private int value;
    private boolean valueBase64;

    private JsonHeaders(JsonParser parser, byte[] body, int base) {
        this.parser = parser;
        this.body = body;
        this.base = base;
    }

    /**
     * Reads a list of headers; the parser stands on its beginning and then on its end.
     *
     * @param found gets each header; null if they are only to be checked
     * @return how many there are
     */
    static int read(JsonParser parser, byte[] body, int base, Consumer<Header> found) throws IOException, Malformed {
        Json.expect(parser, JsonToken.START_ARRAY, "a list");
        JsonHeaders reader = new JsonHeaders(parser, body, base);
        int count = 0;
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            reader.header();
            if (found != null) {
                found.accept(reader.made());
            }
            count++;
        }
        return count;
    }

    private void header() throws IOException, Malformed {
        Json.expect(parser, JsonToken.START_OBJECT, "an object");
        name = ABSENT;
        value = ABSENT;
        for (String field = parser.nextFieldName(); field != null; field = parser.nextFieldName()) {
            JsonToken token = parser.nextToken();
            switch (field) {
                case "name":
                case "nameBase64":
                    Json.once(parser, name != ABSENT);
                    Json.expect(parser, JsonToken.VALUE_STRING, "text");
                    name = base + Json.position(parser);
                    nameBase64 = field.equals("nameBase64");
                    break;
                case "value":
                case "valueBase64":
                    Json.once(parser, value != ABSENT);
                    valueBase64 = field.equals("valueBase64");
                    if (token != JsonToken.VALUE_NULL || valueBase64) {
                        Json.expect(parser, JsonToken.VALUE_STRING, valueBase64 ? "text" : "text or null");
                    }
                    value = base + Json.position(parser);
                    break;
                default:
                    parser.skipChildren();
                    break;
            }
        }
        Json.required(parser, name != ABSENT, "name");
        Json.required(parser, value != ABSENT, "value");
        JsonRecords.checkText(parser, body, name, nameBase64, "name");
        JsonRecords.checkText(parser, body, value, valueBase64, "value");
    }

    private Header made() {
        return new Header(
                JsonContent.textOrNull(body, name, nameBase64), JsonContent.textOrNull(body, value, valueBase64));
    }
}
