package io.github.kafkasidecar;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.LogRecord;

/** Keeps what the SDK logs while it is attached, away from the console. */
final class LogLines extends Handler {
    private final List<LogRecord> lines = new CopyOnWriteArrayList<>();

    void attach() {
        Log.LOG.addHandler(this);
        Log.LOG.setUseParentHandlers(false);
    }

    void detach() {
        Log.LOG.removeHandler(this);
        Log.LOG.setUseParentHandlers(true);
    }

    List<LogRecord> lines() {
        return lines;
    }

    @Override
    public void publish(LogRecord record) {
        lines.add(record);
    }

    @Override
    public void flush() {}

    @Override
    public void close() {}
}
