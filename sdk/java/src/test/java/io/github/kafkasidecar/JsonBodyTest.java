package io.github.kafkasidecar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a JSON body may look like, and what is refused with which words. */
class JsonBodyTest {
    private static final String GOOD = new String(Posts.record("\"key\":null,\"value\":\"v\""), StandardCharsets.UTF_8);

    private static String refusal(byte[] body) {
        return assertThrows(Malformed.class, () -> BatchReader.json(body, false)).getMessage();
    }

    private static String refusal(String body) {
        return refusal(Posts.utf8(body));
    }

    private static Record only(byte[] body, boolean jsonValues) throws Malformed {
        Batch batch = BatchReader.json(body, jsonValues);
        assertEquals(1, batch.records().size());
        return batch.records().get(0);
    }

    /** Takes the good body, replaces a piece of it, and expects a refusal. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "\"batch\":\"b1\",              |                                  | the batch has no batch",
        "\"batch\":\"b1\"               | \"batch\":null                   | /batch must be text",
        "\"batch\":\"b1\"               | \"batch\":\"b1\",\"batch\":\"b1\"| /batch stands twice",
        "\"group\":\"billing\",         |                                  | the batch has no group",
        "\"group\":\"billing\"          | \"group\":[]                     | /group must be text",
        "\"attempt\":1,                 |                                  | the batch has no attempt",
        "\"attempt\":1                  | \"attempt\":0                    | /attempt is 0, must be 1 or more",
        "\"attempt\":1                  | \"attempt\":1.0                  | /attempt must be a whole number",
        "\"attempt\":1                  | \"attempt\":\"1\"                | /attempt must be a whole number",
        "\"attempt\":1                  | \"attempt\":2147483648           | /attempt is 2147483648, must fit 32 bits",
        "\"partitions\":                | \"partition\":                   | the batch has no partitions",
        "\"topic\":\"orders\",          |                                  | /partitions/0 has no topic",
        "\"topic\":\"orders\"           | \"topic\":1                      | /partitions/0/topic must be text",
        "\"partition\":3,               |                                  | /partitions/0 has no partition",
        "\"partition\":3                | \"partition\":-1                 | /partitions/0/partition is -1, must be 0 or more",
        "\"fromOffset\":5,              |                                  | /partitions/0 has no fromOffset",
        "\"fromOffset\":5               | \"fromOffset\":6                 | record orders/3@5 is outside of its range orders/3 [6, 6)",
        "\"untilOffset\":6,             |                                  | /partitions/0 has no untilOffset",
        "\"untilOffset\":6              | \"untilOffset\":5                | record orders/3@5 is outside of its range orders/3 [5, 5)",
        "\"untilOffset\":6              | \"untilOffset\":9223372036854775808 | /partitions/0/untilOffset must fit 64 bits",
        "\"fence\":7,                   |                                  | /partitions/0 has no fence",
        "\"fence\":7                    | \"fence\":true                   | /partitions/0/fence must be a whole number",
        "\"records\":                   | \"record\":                      | /partitions/0 has no records",
        "\"records\":[                  | \"records\":3,\"more\":[         | /partitions/0/records must be a list",
        "\"offset\":5,                  |                                  | /partitions/0/records/0 has no offset",
        "\"offset\":5                   | \"offset\":5,\"offset\":5        | /partitions/0/records/0/offset stands twice",
        "\"offset\":5                   | \"offset\":5e0                   | /partitions/0/records/0/offset must be a whole number",
        "\"offset\":5                   | \"offset\":null                  | /partitions/0/records/0/offset must be a whole number",
        "\"timestamp\":-1,              |                                  | /partitions/0/records/0 has no timestamp",
        "\"key\":null,                  |                                  | /partitions/0/records/0 has no key",
        "\"key\":null                   | \"key\":5                        | /partitions/0/records/0/key must be text or null",
        "\"key\":null                   | \"key\":null,\"keyBase64\":\"\"  | /partitions/0/records/0/keyBase64 stands twice",
        "\"key\":null                   | \"keyBase64\":null               | /partitions/0/records/0/keyBase64 must be text",
        "\"key\":null                   | \"keyBase64\":\"AP8\"            | /partitions/0/records/0 has a key that is not padded base64",
        "\"key\":null                   | \"keyBase64\":\"A===\"           | /partitions/0/records/0 has a key that is not padded base64",
        "\"key\":null                   | \"keyBase64\":\"AP 8=AAA\"       | /partitions/0/records/0 has a key that is not padded base64",
        "\"key\":null                   | \"key\":\"\\ud83d\"              | /partitions/0/records/0 has a key with half of a surrogate pair",
        "\"key\":null                   | \"key\":\"\\ude00\\ud83d\"       | /partitions/0/records/0 has a key with half of a surrogate pair",
        "\"value\":\"v\",               |                                  | /partitions/0/records/0 has no value",
        "\"value\":\"v\"                | \"value\":\"v\",\"value\":null   | /partitions/0/records/0/value stands twice",
        "\"value\":\"v\"                | \"valueBase64\":{}               | /partitions/0/records/0/valueBase64 must be text",
        "\"headers\":[]                 | \"headers\":null                 | /partitions/0/records/0/headers must be a list",
        "\"headers\":[]                 | \"headers\":[{}]                 | /partitions/0/records/0/headers/0 has no name",
        "\"headers\":[]                 | \"headers\":[{\"name\":\"n\"}]   | /partitions/0/records/0/headers/0 has no value",
        "\"headers\":[]                 | \"headers\":[{\"name\":null}]    | /partitions/0/records/0/headers/0/name must be text",
        "\"headers\":[]                 | \"headers\":[{\"value\":1}]      | /partitions/0/records/0/headers/0/value must be text or null",
        "\"headers\":[]                 | \"headers\":[1]                  | /partitions/0/records/0/headers/0 must be an object",
        "]}]}                           | ]}]}{}                           | the batch is followed by more",
        "]}]}                           | ]}]                              | not valid JSON at byte 208",
        "]}]}                           | ]},5]}                           | /partitions/1 must be an object",
    })
    void whatIsWrongIsSaid(String piece, String replacement, String refusal) {
        assertTrue(GOOD.contains(piece), piece);
        int at = GOOD.lastIndexOf(piece);
        String bad = GOOD.substring(0, at) + (replacement == null ? "" : replacement) + GOOD.substring(at + piece.length());
        assertEquals(refusal, refusal(bad));
    }

    @Test
    void withoutPartitionsOrRecordsItIsNoBatch() {
        assertEquals("the batch has no partitions", refusal(Posts.batch()));
        assertEquals("/partitions/0 has no records", refusal(Posts.batch(Posts.partition("orders", 3, 5, 6, ""))));
    }

    @Test
    void aPartitionStandsOnce() {
        assertEquals("/partitions/1 is a partition that stands in the batch already",
                refusal(Posts.batch(Posts.partition("orders", 3, 1), Posts.partition("orders", 3, 5))));
    }

    @Test
    void offsetsAscend() {
        String twice = Posts.record(5, "\"key\":null,\"value\":\"\"") + "," + Posts.record(5, "\"key\":null,\"value\":\"\"");
        assertEquals("record orders/3@5 comes after offset 5; offsets must ascend",
                refusal(Posts.batch(Posts.partition("orders", 3, 0, 9, twice))));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "[]", "null", "5", "{}x", "\"text\"", "{'batch':1}", "{\"batch\":NaN}", "{\"a\":1,}", "{} // no"})
    void whatIsNoJsonObjectIsRefused(String body) {
        assertTrue(refusal(body).matches("it does not begin with.*|not valid JSON at.*|the batch (must be|has no).*"), refusal(body));
    }

    @ParameterizedTest
    @ValueSource(strings = {"UTF-16LE", "UTF-16BE", "UTF-16", "UTF-32LE", "UTF-32BE"})
    void otherEncodingsAreRefused(String charset) {
        refusal(GOOD.getBytes(Charset.forName(charset)));
    }

    @Test
    void aByteOrderMarkIsRefused() {
        assertEquals("it does not begin with a JSON object", refusal("\ufeff" + GOOD));
    }

    @Test
    void bytesThatAreNotUtf8AreRefusedWhereverTheyStand() {
        for (String piece : Arrays.asList("\"v\"", "\"orders\"", "\"partitions\"")) {
            byte[] body = Posts.utf8(GOOD);
            int at = GOOD.indexOf(piece) + 1;
            body[at] = (byte) 0xC0;
            assertEquals("byte " + at + " is not UTF-8", refusal(body));
        }
        byte[] surrogate = {'"', (byte) 0xED, (byte) 0xA0, (byte) 0x80, '"'};
        byte[] body = Posts.utf8(GOOD.replace("\"v\"", "\"123\""));
        System.arraycopy(surrogate, 0, body, GOOD.indexOf("\"v\""), surrogate.length);
        assertTrue(refusal(body).endsWith("is not UTF-8"));
    }

    @Test
    void aRefusalHoldsNothingOfARecord() {
        String body = GOOD.replace("\"v\"", "secret");
        assertTrue(refusal(body).matches("not valid JSON at byte \\d+"), refusal(body));
    }

    @Test
    void unknownFieldsArePassedBy() throws Malformed {
        String more = "\"later\":{\"a\":[1,{\"offset\":\"x\"}],\"a\":null},";
        String body = GOOD.replace("\"offset\"", more + "\"offset\"")
                .replace("\"topic\"", more + "\"topic\"")
                .replace("\"group\"", more + "\"headers\":\"of the columns format\",\"group\"")
                .replace("\"headers\":[]", "\"headers\":[{" + more + "\"name\":\"n\",\"value\":null}]");
        Record record = only(Posts.utf8(body), false);
        assertEquals("v", record.text());
        assertEquals("n", record.headers().get(0).name());
        assertNull(record.headers().get(0).value());
    }

    @Test
    void theOrderOfFieldsDoesNotMatter() throws Malformed {
        String body = "{\"partitions\":[{\"records\":[{\"headers\":[],\"valueBase64\":\"/w\\u0041=\",\"keyBase64\":\"\\/wA=\","
                + "\"timestamp\":9,\"offset\":1}],\"fence\":-1,\"untilOffset\":2,\"fromOffset\":1,\"partition\":0,\"topic\":\"t\"}],"
                + "\"attempt\":2,\"group\":\"g\",\"batch\":\"b\"}";
        Record record = only(Posts.utf8(body), true);
        assertArrayEquals(new byte[] {-1, 0}, record.key());
        assertArrayEquals(new byte[] {-1, 0}, record.value());
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "{\"id\":1,\"s\":\"a]}\\\"\\\\\"}", "[]", "[{},[\"}\"]]", "0", "-1.50e+3", "true", "false", "\"\"", "\"\\ud800\"", "\"a\\u0000\"",
        " {\n\"a\" : 1}\t", " 5 ", "123456789012345678901234567890", "1e999"
    })
    void embeddedJsonGivesItsBytes(String value) throws Malformed {
        assertEquals(value, only(Posts.record("\"key\":null,\"value\":" + value), true).text());
        assertEquals(value, only(Posts.record("\"value\":" + value + ",\"key\":null"), true).text());
        String lastField = new String(Posts.record("\"key\":null"), StandardCharsets.UTF_8)
                .replace("\"headers\":[]", "\"headers\":[],\"value\":" + value);
        assertEquals(value, only(Posts.utf8(lastField), true).text());
    }

    @Test
    void aStringIsTextUnlessValuesAreJson() throws Malformed {
        byte[] body = Posts.record("\"key\":\"k\",\"value\":\"a\\n\"");
        assertEquals("a\n", only(body, false).text());
        assertEquals("\"a\\n\"", only(body, true).text());
        assertEquals("k", only(body, true).keyText());
        assertEquals("{\"id\":1}", only(Posts.record("\"key\":null,\"value\":{\"id\":1}"), false).text());
    }

    @Test
    void nullIsATombstoneInAllForms() throws Malformed {
        for (boolean jsonValues : new boolean[] {false, true}) {
            Record record = only(Posts.record("\"key\":null,\"value\": null "), jsonValues);
            assertNull(record.key());
            assertNull(record.keyBuffer());
            assertNull(record.value());
            assertNull(record.valueBuffer());
            assertNull(record.text());
        }
    }

    @Test
    void longStringsNamesAndNumbersAreLegal() throws Malformed {
        String letters = String.join("", Collections.nCopies(21_000_000, "x"));
        assertEquals(letters.length(), only(Posts.record("\"key\":null,\"value\":\"" + letters + "\""), false).value().length);
        String digits = String.join("", Collections.nCopies(5_000, "7"));
        String name = letters.substring(0, 100_000);
        String value = "{\"" + name + "\":" + digits + ",\"" + name + "\":" + digits + "." + digits + "}";
        assertEquals(value, only(Posts.record("\"key\":null,\"value\":" + value), true).text());
    }

    @Test
    void nestingIsLegalAsDeepAsTheSidecarEmbedsIt() throws Malformed {
        String deep = String.join("", Collections.nCopies(10_000, "[")) + String.join("", Collections.nCopies(10_000, "]"));
        assertEquals(deep, only(Posts.record("\"key\":null,\"value\":" + deep), true).text());
        String deeper = String.join("", Collections.nCopies(1_000_000, "["));
        assertEquals("nested deeper than 10100 levels", refusal(Posts.record("\"key\":null,\"value\":" + deeper)));
    }

    @Test
    void manyNamesInValuesAreLegal() throws Malformed {
        StringBuilder value = new StringBuilder("{");
        for (int i = 0; i < 50_000; i++) {
            value.append("\"name").append(i * 7919L).append("\":0,");
        }
        value.append("\"last\":0}");
        assertEquals(value.toString(), only(Posts.record("\"key\":null,\"value\":" + value), true).text());
    }
}
