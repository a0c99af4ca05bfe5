package io.github.kafkasidecar;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Level;

/** Calls a function for each record and keeps what failed: the rules of {@link Handlers#each}. One use, one thread. */
final class RecordLoop {
    private final RecordHandler handler;
    private final List<Failure> failures = new ArrayList<>();
    private boolean anyDone;
    private Busy busy;

    private RecordLoop(RecordHandler handler) {
        this.handler = handler;
    }

    /**
     * Handles records that come partition after partition.
     *
     * @throws Busy if it was thrown while nothing was handled or had failed
     * @throws InterruptedException as thrown by the function
     */
    static List<Failure> run(Iterable<Record> records, RecordHandler handler) throws InterruptedException {
        RecordLoop loop = new RecordLoop(handler);
        Record stopped = null; // where the partition was stopped; what follows in it is passed by
        for (Record record : records) {
            if (stopped != null && samePartition(stopped, record)) {
                continue;
            }
            stopped = loop.goesOnAfter(record) ? null : record;
        }
        return loop.failures;
    }

    private static boolean samePartition(Record a, Record b) {
        return a.partition() == b.partition() && a.topic().equals(b.topic());
    }

    /** Handles one record; false stops its partition. */
    private boolean goesOnAfter(Record record) throws InterruptedException {
        if (busy != null) {
            return retry(record, busy.reason(), busy.after());
        }
        try {
            handler.handle(record);
        } catch (Reject reject) {
            failures.add(record.reject(reject.reason()));
        } catch (Retry retry) {
            return retry(record, retry.reason(), retry.after());
        } catch (Busy thrown) {
            if (!anyDone && failures.isEmpty()) {
                throw thrown;
            }
            busy = thrown;
            return retry(record, thrown.reason(), thrown.after());
        } catch (InterruptedException interrupted) {
            throw interrupted;
        } catch (Exception unexpected) {
            Log.LOG.log(Level.SEVERE, "handler failed for " + record, unexpected);
            return retry(record, "handler failed: " + Log.type(unexpected), null);
        }
        anyDone = true;
        return true;
    }

    private boolean retry(Record record, String reason, Duration after) {
        failures.add(record.retry(reason, after));
        return false;
    }
}
