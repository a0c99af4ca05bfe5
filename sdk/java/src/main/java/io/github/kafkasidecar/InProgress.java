package io.github.kafkasidecar;

import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** The requests that a server answers right now, by their threads. Thread-safe. */
final class InProgress {
    /** How often it is looked whether a handler called System.exit meanwhile, which nothing tells. */
    private static final long LOOK_MS = 50;

    private final Set<Thread> threads = new HashSet<>();
    private boolean stopping;

    /** Adds the current thread; returns whether the server is stopping. */
    synchronized boolean begin() {
        threads.add(Thread.currentThread());
        return stopping;
    }

    synchronized void end() {
        threads.remove(Thread.currentThread());
        notifyAll();
    }

    synchronized boolean hasCurrentThread() {
        return threads.contains(Thread.currentThread());
    }

    /** From now on {@link #begin} says that the server is stopping. Returns how many are in progress. */
    synchronized int stop() {
        stopping = true;
        return threads.size();
    }

    /** Waits until all have ended; returns how many have not in time. */
    synchronized int awaitEnd(Duration timeout) throws InterruptedException {
        long start = System.nanoTime();
        while (!threads.stream().allMatch(InProgress::isExiting)) {
            long leftMs = timeout.toMillis() - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
            if (leftMs <= 0) {
                break;
            }
            wait(Math.min(leftMs, LOOK_MS));
        }
        return threads.size();
    }

    /**
     * Whether a handler called System.exit. That returns only after the shutdown hooks have ended, so a hook that
     * waits for the handler would wait for itself.
     */
    private static boolean isExiting(Thread thread) {
        for (StackTraceElement frame : thread.getStackTrace()) {
            if (frame.getClassName().equals("java.lang.Runtime") && frame.getMethodName().equals("exit")) {
                return true;
            }
        }
        return false;
    }
}
