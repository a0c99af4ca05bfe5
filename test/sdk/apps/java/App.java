import io.github.kafkasidecar.Batch;
import io.github.kafkasidecar.Failure;
import io.github.kafkasidecar.Handler;
import io.github.kafkasidecar.Handlers;
import io.github.kafkasidecar.Header;
import io.github.kafkasidecar.JdbcOffsetGuard;
import io.github.kafkasidecar.OffsetRange;
import io.github.kafkasidecar.Record;
import io.github.kafkasidecar.Reject;
import io.github.kafkasidecar.Retry;
import io.github.kafkasidecar.Sidecar;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.StringJoiner;

/**
 * An app of the end-to-end tests: does with a record what the record's value says, and logs what it did. Commands and
 * settings are those of apps/python/app.py.
 */
public final class App {
    private static final Map<String, String> ENV = System.getenv();
    private static final Path STATE = Paths.get(ENV.get("APP_STATE"));
    private static final long BLOCKED_AT_MOST_MS = 60_000;

    private final Log log = new Log();
    private volatile boolean diesAfter;

    private App() throws IOException {}

    public static void main(String[] args) throws Exception {
        App app = new App();
        app.log.write("\"event\":\"start\"");
        Handler handler = ENV.containsKey("APP_DATABASE") ? app.keepingTotals() : Handlers.each(app::apply);
        String listen = ENV.get("APP_LISTEN");
        Sidecar sidecar = Sidecar.handle(app.around(handler));
        if (ENV.containsKey("APP_TOKEN")) {
            sidecar = sidecar.withToken(ENV.get("APP_TOKEN"));
        }
        sidecar.serve(Integer.parseInt(listen.substring(listen.lastIndexOf(':') + 1)));
    }

    /** Applies a record, or does what its value says. */
    private void apply(Record record) throws Exception {
        String[] words = words(record);
        String command = words[0];
        String argument = words[1];
        if (command.equals("reject")) {
            log.record("reject", record);
            throw new Reject(argument);
        }
        if (command.equals("retry") && firstTime(record, command, 1)) {
            log.record("retry", record);
            throw new Retry("told to", Duration.ofMillis(Long.parseLong(argument)));
        }
        if (command.equals("raise") && firstTime(record, command, Integer.parseInt(argument))) {
            log.record("raise", record);
            throw new IllegalStateException("told to");
        }
        if (command.equals("block") && firstTime(record, command, 1)) {
            waitUntilOpen();
        }
        if (command.equals("exit") && firstTime(record, command, 1)) {
            die();
        }
        if (command.equals("exit-after") && firstTime(record, command, 1)) {
            diesAfter = true;
        }
        log.record("applied", record);
    }

    /** A handler that logs begin and end of another. */
    private Handler around(Handler handler) {
        return Handlers.partial(batch -> {
            log.write("\"event\":\"begin\",\"batch\":\"" + batch.id() + "\",\"ranges\":" + ranges(batch));
            String outcome = "answered";
            try {
                for (Record record : batch.records()) {
                    if (words(record)[0].equals("stall") && firstTime(record, "stall", 1)) {
                        waitUntilOpen();
                    }
                }
                Iterable<Failure> failures = handler.handlePartly(batch);
                if (diesAfter) {
                    die();
                }
                return failures;
            } catch (Throwable e) {
                outcome = e.getClass().getSimpleName();
                throw e;
            } finally {
                log.write("\"event\":\"end\",\"batch\":\"" + batch.id() + "\",\"outcome\":\"" + outcome + "\"");
            }
        });
    }

    /** A handler that keeps the totals in the database, each record exactly once. */
    private Handler keepingTotals() throws SQLException {
        JdbcOffsetGuard guard = new JdbcOffsetGuard();
        try (Connection connection = connect()) {
            guard.createTable(connection);
        }
        return guard.each(App::connect, (connection, record) -> {
            add(connection, record);
            apply(record);
        });
    }

    private static Connection connect() throws SQLException {
        return DriverManager.getConnection(ENV.get("APP_DATABASE"));
    }

    private static void add(Connection connection, Record record) throws SQLException {
        try (PreparedStatement insert = connection.prepareStatement(
                "INSERT INTO totals (key, records, offsets) VALUES (?, 1, ?) ON CONFLICT (key) DO UPDATE"
                        + " SET records = totals.records + 1, offsets = totals.offsets + excluded.offsets")) {
            insert.setString(1, record.keyText());
            insert.setLong(2, record.offset());
            insert.executeUpdate();
        }
    }

    /** The command of the record's value and what stands behind its colon. */
    private static String[] words(Record record) {
        String value = record.value() == null ? "" : new String(record.value(), StandardCharsets.UTF_8);
        int colon = value.indexOf(':');
        return colon < 0 ? new String[] {value, ""} : new String[] {value.substring(0, colon), value.substring(colon + 1)};
    }

    private static String ranges(Batch batch) {
        StringJoiner ranges = new StringJoiner(",", "[", "]");
        for (OffsetRange r : batch.ranges()) {
            ranges.add("{\"topic\":\"" + r.topic() + "\",\"partition\":" + r.partition() + ",\"from\":" + r.fromOffset()
                    + ",\"until\":" + r.untilOffset() + ",\"fence\":" + r.fence() + "}");
        }
        return ranges.toString();
    }

    /** Whether this process and those before it have come here fewer times for the record; counts. */
    private static boolean firstTime(Record record, String what, int times) throws IOException {
        for (int n = 0; n < times; n++) {
            try {
                Files.createFile(STATE.resolve(what + "-" + record.partition() + "-" + record.offset() + "-" + n));
                return true;
            } catch (FileAlreadyExistsException e) {
                continue;
            }
        }
        return false;
    }

    private static void waitUntilOpen() throws InterruptedException {
        long end = System.currentTimeMillis() + BLOCKED_AT_MOST_MS;
        while (!Files.exists(STATE.resolve("open")) && System.currentTimeMillis() < end) {
            Thread.sleep(10);
        }
    }

    private static void die() {
        Runtime.getRuntime().halt(9);
    }

    /** One JSON object per line, each written with one call, so that a killed process leaves whole lines. */
    private static final class Log {
        private final OutputStream file =
                Files.newOutputStream(STATE.resolve("log"), StandardOpenOption.CREATE, StandardOpenOption.APPEND);

        Log() throws IOException {}

        synchronized void write(String fields) throws IOException {
            String line = "{\"at\":" + System.currentTimeMillis() + "," + fields + "}\n";
            file.write(line.getBytes(StandardCharsets.UTF_8));
        }

        void record(String outcome, Record record) throws IOException {
            StringJoiner headers = new StringJoiner(",", "[", "]");
            for (Header h : record.headers()) {
                headers.add("[" + encoded(h.nameBytes()) + "," + encoded(h.value()) + "]");
            }
            write("\"event\":\"record\",\"outcome\":\"" + outcome + "\",\"topic\":\"" + record.topic() + "\",\"partition\":"
                    + record.partition() + ",\"offset\":" + record.offset() + ",\"timestamp\":" + record.timestampMs()
                    + ",\"key\":" + encoded(record.key()) + ",\"value\":" + encoded(record.value()) + ",\"headers\":" + headers);
        }

        private static String encoded(byte[] bytes) {
            return bytes == null ? "null" : '"' + Base64.getEncoder().encodeToString(bytes) + '"';
        }
    }
}
