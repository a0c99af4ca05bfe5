package io.github.kafkasidecar;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;

/**
 * A random history of sidecars that crash, read again and are replaced, of applications that fail in every way, and of
 * owners of the past that still deliver. Whatever happens, a record takes effect once.
 */
final class OffsetGuardModel {
    private static final int PARTITIONS = 3;
    private static final int STEPS = 200;

    /** A sidecar: its fence, and where it stands in each partition. */
    private record Owner(long fence, long[] position) {}

    private final long seed;
    private final Random random;
    private final JdbcOffsetGuard guard;
    private final GuardDatabase database;

    private final long[] end = new long[PARTITIONS]; // of the log
    private final long[] committed = new long[PARTITIONS]; // what a new owner starts from
    private final List<Owner> owners = new ArrayList<>(); // the last one is the owner, the others are of the past
    private final Set<String> deadLetters = new HashSet<>();
    private double trouble = 0.1; // how probable it is that a record fails

    OffsetGuardModel(long seed, JdbcOffsetGuard guard, GuardDatabase database) {
        this.seed = seed;
        this.random = new Random(seed);
        this.guard = guard;
        this.database = database;
        owners.add(new Owner(1, new long[PARTITIONS]));
    }

    void run() throws SQLException {
        for (int step = 0; step < STEPS; step++) {
            int partition = random.nextInt(PARTITIONS);
            end[partition] += random.nextInt(4);
            switch (random.nextInt(10)) {
                case 0 -> replaceOwner();
                case 1, 2 -> deliver(owners.get(random.nextInt(owners.size())));
                default -> deliver(owner());
            }
            commitSome();
            assertNothingTwice();
        }
        trouble = 0;
        deliver(owner());
        assertEverythingOnce();
    }

    private Owner owner() {
        return owners.get(owners.size() - 1);
    }

    /** The new owner starts from the store, so what was delivered since comes again. */
    private void replaceOwner() {
        owners.add(new Owner(owner().fence() + 1, committed.clone()));
    }

    private void commitSome() {
        int partition = random.nextInt(PARTITIONS);
        committed[partition] = Math.max(committed[partition], owner().position()[partition]);
    }

    /** Delivers a batch and does what the answer says. */
    private void deliver(Owner by) {
        OffsetRange[] ranges = IntStream.range(0, PARTITIONS)
                .filter(p -> by.position()[p] < end[p])
                .filter(p -> trouble == 0 || random.nextBoolean())
                .mapToObj(p -> GuardBatches.range(p, by.position()[p], untilOf(by, p), by.fence()))
                .toArray(OffsetRange[]::new);
        if (ranges.length == 0) {
            return;
        }
        List<Failure> failures = new ArrayList<>();
        try {
            Handler handler = guard.each(this::connect, this::write);
            handler.handlePartly(GuardBatches.batch(ranges)).forEach(failures::add);
        } catch (Exception | StackOverflowError failed) {
            return; // nothing is acknowledged
        }
        for (OffsetRange range : ranges) {
            by.position()[range.partition()] = acknowledged(range, failures);
        }
    }

    private long untilOf(Owner by, int partition) {
        long left = end[partition] - by.position()[partition];
        return trouble == 0 ? end[partition] : by.position()[partition] + 1 + random.nextLong(left);
    }

    /** Where the sidecar stands after the answer. A rejected record is a dead letter, or blocks the partition. */
    private long acknowledged(OffsetRange range, List<Failure> failures) {
        for (Failure failure : failures) {
            if (failure.partition() != range.partition()) {
                continue;
            }
            if (failure.action() == Failure.Action.RETRY || random.nextBoolean()) {
                return failure.offset();
            }
            deadLetters.add("orders/" + failure.partition() + "@" + failure.offset());
        }
        return range.untilOffset();
    }

    /** The commit may fail, and its success may stay unknown. */
    private Connection connect() throws SQLException {
        Connection connection = database.open();
        if (random.nextDouble() >= trouble) {
            return connection;
        }
        boolean lost = random.nextBoolean();
        return EachInTransactionContract.replacing(connection, "commit", () -> {
            if (lost) {
                connection.commit();
            }
            throw new SQLException("connection lost");
        });
    }

    private void write(Connection connection, Record record) throws SQLException {
        GuardDatabase.write(connection, record);
        if (random.nextDouble() >= trouble) {
            return;
        }
        switch (random.nextInt(5)) {
            case 0 -> throw new Reject(null);
            case 1 -> throw new Retry(null);
            case 2 -> throw new Busy(null);
            case 3 -> throw new SQLException("deadlock");
            default -> throw new StackOverflowError();
        }
    }

    private void assertNothingTwice() throws SQLException {
        Set<String> twice = new TreeSet<>();
        Set<String> once = new HashSet<>();
        for (String record : database.written()) {
            if (!once.add(record)) {
                twice.add(record);
            }
        }
        assertEquals(Set.of(), twice, "written twice, seed " + seed);
    }

    private void assertEverythingOnce() throws SQLException {
        assertNothingTwice();
        Set<String> lost = new TreeSet<>();
        for (int partition = 0; partition < PARTITIONS; partition++) {
            lost.addAll(List.of(OffsetGuardContract.offsets(partition, 0, end[partition])));
        }
        lost.removeAll(deadLetters);
        lost.removeAll(new HashSet<>(database.written()));
        assertEquals(Set.of(), lost, "lost, seed " + seed);
    }
}
