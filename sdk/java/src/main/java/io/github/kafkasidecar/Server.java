package io.github.kafkasidecar;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A running HTTP server, made by {@link Sidecar#serve(int)}: the JDK's own, with a thread for each request in progress.
 * Every path is served.
 *
 * <p>SIGTERM, SIGINT and {@code System.exit} close it by a shutdown hook before the process ends, which then has its
 * usual exit status (143 after SIGTERM). Other shutdown hooks run at the same time.
 *
 * <p>Thread-safe.
 */
public final class Server implements AutoCloseable {
    private static final String NO_DELAY = "sun.net.httpserver.nodelay";

    private final Sidecar sidecar;
    private final HttpServer http;
    private final ExecutorService threads = threads();
    private final InProgress inProgress = new InProgress();
    private final AtomicBoolean closing = new AtomicBoolean();
    private final CountDownLatch closed = new CountDownLatch(1);
    private final Thread hook = new Thread(this::close, "kafka-sidecar-stop");

    private Server(Sidecar sidecar, HttpServer http) {
        this.sidecar = sidecar;
        this.http = http;
    }

    static Server start(Sidecar sidecar, String host, int port) {
        if (System.getProperty(NO_DELAY) == null) {
            // The JDK's server writes head and body apart: without this an answer with a body waits some 40 ms for
            // the client's acknowledgement of its head. It is read once, when the first such server is made.
            System.setProperty(NO_DELAY, "true");
        }
        Server server = new Server(sidecar, listen(host, port));
        server.http.createContext("/", server::handle);
        server.http.setExecutor(server.threads);
        Runtime.getRuntime().addShutdownHook(server.hook);
        server.http.start();
        Log.LOG.info("serving on " + host + ":" + server.port());
        return server;
    }

    private static HttpServer listen(String host, int port) {
        InetSocketAddress address = new InetSocketAddress(host, port);
        String place = host + ":" + port;
        if (address.isUnresolved()) {
            throw new UncheckedIOException(new IOException(
                    "listen on " + place + ": unknown host; give a name or an address of this host"));
        }
        try {
            return HttpServer.create(address, 0);
        } catch (IOException e) {
            throw new UncheckedIOException("listen on " + place + ": " + e.getMessage()
                    + "; end what listens there or take another port, 0 picks a free one", e);
        }
    }

    /** As many threads as requests in progress, so that slow clients do not hold up others. */
    private static ExecutorService threads() {
        AtomicInteger count = new AtomicInteger();
        return new ThreadPoolExecutor(0, Integer.MAX_VALUE, 30, TimeUnit.SECONDS, new SynchronousQueue<>(), task -> {
            Thread thread = new Thread(task, "kafka-sidecar-" + count.incrementAndGet());
            thread.setDaemon(true); // the server's own thread keeps the process alive until it is closed
            return thread;
        });
    }

    private void handle(HttpExchange exchange) {
        try {
            RequestBody body = RequestBody.read(
                    exchange.getRequestHeaders(), exchange.getRequestBody(), sidecar.maxBody);
            boolean stopping = inProgress.begin();
            try {
                Answer answer = answer(exchange, body, stopping);
                // A handler may leave its thread interrupted, for which the connection would be closed unanswered.
                Thread.interrupted();
                write(exchange, answer);
            } finally {
                inProgress.end();
            }
        } catch (IOException e) {
            // The client went away or the server was closed: nobody is there to be answered, the batch comes again.
            Log.LOG.fine("connection lost: " + e.getMessage());
        } finally {
            exchange.close();
        }
    }

    private Answer answer(HttpExchange exchange, RequestBody body, boolean stopping) {
        Request request = new Request(
                exchange.getRequestMethod(),
                exchange.getRequestHeaders()::getFirst,
                body.bytes,
                body.lengthMissing,
                stopping);
        return Exchange.answer(sidecar, request);
    }

    private static void write(HttpExchange exchange, Answer answer) throws IOException {
        answer.headers().forEach(exchange.getResponseHeaders()::set);
        byte[] body = answer.body();
        if (body.length == 0 || exchange.getRequestMethod().equals("HEAD")) {
            exchange.sendResponseHeaders(answer.status(), -1); // -1: no body; 0 would mean one of unknown length
            return;
        }
        exchange.sendResponseHeaders(answer.status(), body.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(body);
        }
    }

    /**
     * The port that is listened on.
     *
     * @return the one that was picked if 0 was asked for
     */
    public int port() {
        return http.getAddress().getPort();
    }

    /**
     * Stops gracefully: handlers in progress end and are answered, requests that come meanwhile are answered 503. What
     * takes longer than {@link Sidecar#withStopTimeout} is cut off without an answer and comes again. Interrupting the
     * caller cuts off at once. May be called twice; returns when the server has stopped.
     *
     * @throws IllegalStateException if a handler calls it, which would wait for itself
     */
    @Override
    public void close() {
        if (inProgress.hasCurrentThread()) {
            throw new IllegalStateException("a handler can't close its server, which would wait for it;"
                    + " call close() from another thread, or System.exit");
        }
        if (closing.compareAndSet(false, true)) {
            stop();
        } else {
            awaitClosed();
        }
    }

    private void stop() {
        long start = System.nanoTime();
        Log.LOG.info("stopping, requests in progress: " + inProgress.stop());
        int left = 0;
        try {
            left = inProgress.awaitEnd(sidecar.stopTimeout);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        http.stop(0); // not later: it waits for its whole time even if nothing is in progress
        threads.shutdown();
        removeHook();
        closed.countDown();
        Log.LOG.info("stopped after " + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start)
                + " ms, requests cut off: " + left);
    }

    private void removeHook() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The process is ending, perhaps this is the hook: it need not be removed any more.
        }
    }

    private void awaitClosed() {
        try {
            closed.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Waits until the server was closed.
     *
     * @throws InterruptedException if the calling thread is interrupted
     */
    public void join() throws InterruptedException {
        closed.await();
    }

    /**
     * For logs.
     *
     * @return the address that is listened on
     */
    @Override
    public String toString() {
        return "Server on " + http.getAddress();
    }
}
