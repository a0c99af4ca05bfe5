package io.github.kafkasidecar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What a handler sees of a batch, the same in both body formats, and that it can change nothing of it. */
class ModelTest {
    static Stream<Arguments> both() throws Malformed {
        Batch columns = new BatchBuilder().group("billing").attempt(2)
                .partition("orders", 3).fromOffset(1200).fence(7)
                .record("u17", "größer").timestamp(1732430000123L).header("source", "web").header("source", "app").header("n", null)
                .offset(1203).tombstone(null)
                .partition("orders", 4).fromOffset(6).offset(7).record(new byte[] {-1}, new byte[] {0, -1}).header(new byte[] {-1}, new byte[] {-2})
                .build();
        String headers = "\"headers\":[{\"name\":\"source\",\"value\":\"web\"},{\"name\":\"source\",\"value\":\"a\\u0070p\"},{\"name\":\"n\",\"value\":null}]";
        String first = "{\"offset\":1200,\"timestamp\":1732430000123,\"key\":\"u17\",\"value\":\"gr\\u00f6ßer\"," + headers + "}";
        String third = "{\"offset\":7,\"timestamp\":-1,\"keyBase64\":\"/w==\",\"valueBase64\":\"AP8=\",\"headers\":[{\"nameBase64\":\"/w==\",\"valueBase64\":\"/g==\"}]}";
        String body = new String(Posts.batch(
                Posts.partition("orders", 3, 1200, 1204, first + "," + Posts.record(1203, "\"key\":null,\"value\":null")),
                Posts.partition("orders", 4, 6, 8, third).replace("\"fence\":7", "\"fence\":1")), StandardCharsets.UTF_8);
        Batch json = BatchReader.json(Posts.utf8(body.replace("\"b1\"", "\"" + columns.id() + "\"").replace("\"attempt\":1", "\"attempt\":2")), false);
        return Stream.of(Arguments.of("columns", columns), Arguments.of("json", json));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("both")
    void aBatch(String format, Batch batch) {
        assertEquals("billing", batch.group());
        assertEquals(2, batch.attempt());
        assertEquals("[orders/3 [1200, 1204), orders/4 [6, 8)]", batch.ranges().toString());
        assertEquals(Arrays.asList(7L, 1L), batch.partitions().stream().map(Partition::fence).collect(Collectors.toList()));
        assertEquals("[orders/3@1200, orders/3@1203, orders/4@7]", batch.records().toString());
        assertEquals("[orders/4@7]", batch.partitions().get(1).records().toString());
        assertEquals("batch " + batch.id() + ", attempt 2, " + batch.ranges(), batch.toString());
        assertEquals(batch.partitions().get(0).range(), batch.ranges().get(0));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("both")
    void aRecord(String format, Batch batch) {
        Record record = batch.records().get(0);
        assertEquals("u17", record.keyText());
        assertArrayEquals(Posts.utf8("u17"), record.key());
        assertEquals("größer", record.text());
        assertArrayEquals(Posts.utf8("größer"), record.value());
        assertEquals(1732430000123L, record.timestampMs());
        assertEquals(Instant.ofEpochMilli(1732430000123L), record.timestamp());
        assertArrayEquals(Posts.utf8("app"), record.header("source"), "the last of a name counts");
        assertNull(record.header("n"));
        assertNull(record.header("none"));
        assertEquals(Arrays.asList("web", "app", null), record.headers().stream().map(Header::text).collect(Collectors.toList()));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("both")
    void aTombstone(String format, Batch batch) {
        Record record = batch.records().get(1);
        assertNull(record.key());
        assertNull(record.keyText());
        assertNull(record.value());
        assertNull(record.text());
        assertNull(record.timestamp());
        assertEquals(-1, record.timestampMs());
        assertTrue(record.headers().isEmpty());
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("both")
    void bytesThatAreNoText(String format, Batch batch) {
        Record record = batch.records().get(2);
        assertArrayEquals(new byte[] {0, -1}, record.value());
        assertEquals("\0\ufffd", record.text());
        Header header = record.headers().get(0);
        assertEquals("\ufffd", header.name());
        assertArrayEquals(new byte[] {-1}, header.nameBytes());
        assertArrayEquals(new byte[] {-2}, header.value());
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("both")
    void nothingCanBeChanged(String format, Batch batch) {
        Record record = batch.records().get(0);
        record.value()[0] = 'X';
        record.key()[0] = 'X';
        record.headers().get(0).value()[0] = 'X';
        record.headers().get(0).nameBytes()[0] = 'X';
        assertEquals("größer", record.text());
        assertEquals("u17", record.keyText());
        assertEquals("web", record.headers().get(0).text());
        assertEquals("source", record.headers().get(0).name());
        ByteBuffer view = record.valueBuffer();
        assertTrue(view.isReadOnly() && !view.hasArray() && view.position() == 0);
        assertEquals(ByteBuffer.wrap(Posts.utf8("größer")), view);
        assertTrue(record.keyBuffer().isReadOnly());
        for (List<?> list : Arrays.<List<?>>asList(batch.records(), batch.partitions(), batch.ranges(),
                batch.partitions().get(0).records(), record.headers())) {
            assertThrows(UnsupportedOperationException.class, () -> list.remove(0));
            assertThrows(IndexOutOfBoundsException.class, () -> list.get(-1));
            assertThrows(IndexOutOfBoundsException.class, () -> list.get(list.size()));
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("both")
    void viewsOfOneRecordAreEqual(String format, Batch batch) {
        assertNotSame(batch.records().get(0), batch.records().get(0));
        assertEquals(batch.records().get(2), batch.partitions().get(1).records().get(0));
        assertEquals(batch.records().get(2).hashCode(), batch.partitions().get(1).records().get(0).hashCode());
        assertNotEquals(batch.records().get(0), batch.records().get(1));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("both")
    void textForLogsHoldsNoContent(String format, Batch batch) {
        String text = batch.toString() + batch.records() + batch.partitions() + batch.records().get(0).headers();
        assertFalse(text.matches(".*(u17|größer|source|web).*"), text);
    }

    @Test
    void failuresAreValues() {
        Record record = new BatchBuilder().partition("orders", 3).record("k", "v").build().records().get(0);
        assertEquals(record.reject("no"), Failure.reject("orders", 3, 0, "no"));
        assertEquals(record.retry("no", null).hashCode(), Failure.retry("orders", 3, 0, "no", null).hashCode());
        assertNotEquals(record.reject("no"), record.retry("no", null));
    }

    /** Classes of the model have final fields only, so that they are safe for all threads. */
    @Test
    void fieldsAreFinal() {
        for (Class<?> type : Arrays.<Class<?>>asList(Answer.class, Batch.class, Failure.class, Header.class, OffsetRange.class,
                Partition.class, Record.class, Server.class, Sidecar.class, ColumnsContent.class, Signatures.class)) {
            assertTrue(Modifier.isFinal(type.getModifiers()), type.getName());
            Arrays.stream(type.getDeclaredFields()).forEach(field -> assertTrue(
                    Modifier.isFinal(field.getModifiers()) && (Modifier.isStatic(field.getModifiers()) || !Modifier.isPublic(field.getModifiers())),
                    field.toString()));
        }
    }
}
