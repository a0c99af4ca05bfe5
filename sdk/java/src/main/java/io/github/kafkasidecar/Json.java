package io.github.kafkasidecar;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import java.io.IOException;

/** The JSON parser and the strict reading of single fields. */
final class Json {
    /** Above what the sidecar embeds: values of 10,000 levels, the limit of Go's encoding/json, within the batch. */
    private static final int MAX_NESTING = 10_100;

    /**
     * A value of a record may be as long as a body and may have any names and numbers, so the parser's own limits are
     * off. Only nesting keeps one, for every level costs memory.
     */
    static final JsonFactory FACTORY = JsonFactory.builder()
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .disable(JsonFactory.Feature.FAIL_ON_SYMBOL_HASH_OVERFLOW)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MAX_NESTING)
                    .maxStringLength(Integer.MAX_VALUE)
                    .maxNameLength(Integer.MAX_VALUE)
                    .maxNumberLength(Integer.MAX_VALUE)
                    .build())
            .build();

    private Json() {}

    /** A parser that stands before the first token. The bytes must be UTF-8. */
    static JsonParser parser(byte[] bytes, int from, int end) throws IOException, Malformed {
        if (end - from < 2 || bytes[from] <= 0 || bytes[from + 1] <= 0) {
            // The parser would take zero bytes for UTF-16 or UTF-32 and skip a byte order mark.
            throw new Malformed("it does not begin with a JSON object");
        }
        return FACTORY.createParser(bytes, from, end - from);
    }

    /** Where the current token begins, counted from where the parser's bytes begin. */
    static int position(JsonParser parser) {
        return (int) parser.currentTokenLocation().getByteOffset();
    }

    static void expect(JsonParser parser, JsonToken token, String what) throws Malformed {
        if (parser.currentToken() != token) {
            throw malformed(parser, "must be " + what);
        }
    }

    static String text(JsonParser parser) throws IOException, Malformed {
        expect(parser, JsonToken.VALUE_STRING, "text");
        return parser.getText();
    }

    /** A whole number of at least {@code min} that fits 64 bits. */
    static long whole(JsonParser parser, long min) throws IOException, Malformed {
        expect(parser, JsonToken.VALUE_NUMBER_INT, "a whole number");
        if (parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
            throw malformed(parser, "must fit 64 bits");
        }
        long number = parser.getLongValue();
        if (number < min) {
            throw malformed(parser, "is " + number + ", must be " + min + " or more");
        }
        return number;
    }

    /** A whole number of at least {@code min} that fits 32 bits. */
    static int whole32(JsonParser parser, int min) throws IOException, Malformed {
        long number = whole(parser, min);
        if (number > Integer.MAX_VALUE) {
            throw malformed(parser, "is " + number + ", must fit 32 bits");
        }
        return (int) number;
    }

    /** Refuses a field that already has a value. */
    static void once(JsonParser parser, boolean seen) throws Malformed {
        if (seen) {
            throw malformed(parser, "stands twice");
        }
    }

    static void required(JsonParser parser, boolean seen, String field) throws Malformed {
        if (!seen) {
            throw malformed(parser, "has no " + field);
        }
    }

    /** An error at the place of the parser, for example {@code /partitions/0/records/2/offset must be a whole number}. */
    static Malformed malformed(JsonParser parser, String what) {
        String place = parser.getParsingContext().pathAsPointer().toString();
        return new Malformed((place.isEmpty() ? "the batch" : place) + " " + what);
    }

    /** The parser's own error without its message, which quotes the body; its bytes begin at {@code from}. */
    static Malformed notJson(JsonProcessingException error, int from) {
        if (error instanceof StreamConstraintsException) {
            return new Malformed("nested deeper than " + MAX_NESTING + " levels");
        }
        return new Malformed("not valid JSON at byte " + (from + error.getLocation().getByteOffset()));
    }
}
