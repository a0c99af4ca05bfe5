package io.github.kafkasidecar;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.logging.Level;

/** One request on its way to the handler and back: the checks in their order and what is answered. One thread. */
final class Exchange {
    private static final String JSON = "application/json";
    private static final String COLUMNS = "application/vnd.kafka-sidecar.columns";
    private static final Duration LONGEST_WAIT = Duration.ofMinutes(5);

    private final Sidecar sidecar;
    private final Request request;

    private Exchange(Sidecar sidecar, Request request) {
        this.sidecar = sidecar;
        this.request = request;
    }

    /** Never throws, whatever the request or the handler does. */
    static Answer answer(Sidecar sidecar, Request request) {
        try {
            return new Exchange(sidecar, request).answer();
        } catch (Refused refused) {
            Log.LOG.warning(refused.getMessage());
            return refused.answer;
        } catch (Throwable thrown) {
            return failed("exchange", "", thrown);
        }
    }

    /** A failed attempt: the type of what was thrown is told, the rest stays in the log. */
    private static Answer failed(String who, String forWhat, Throwable thrown) {
        try {
            Log.LOG.log(Level.SEVERE, who + " failed" + forWhat, thrown);
        } catch (Throwable alsoInTheLog) {
            // Out of memory, as a rule. The answer tells that it failed; there is no better place to say why.
            return Answer.text(500, who + " failed");
        }
        return Answer.text(500, who + " failed: " + Log.type(thrown));
    }

    private Answer answer() throws Refused {
        boolean probe = "GET".equals(request.method) || "HEAD".equals(request.method);
        if (!probe && !"POST".equals(request.method)) {
            throw new Refused(405, "use POST, or GET as a readiness probe").with("Allow", "GET, HEAD, POST");
        }
        checkToken();
        if (probe) {
            checkStopping();
            return "GET".equals(request.method) ? Answer.text(200, "ok") : Answer.empty(200);
        }
        checkSignature();
        checkProtocol();
        boolean columns = isColumns();
        checkLength();
        return handle(read(columns));
    }

    private void checkToken() throws Refused {
        if (sidecar.token == null) {
            return;
        }
        String given = request.header("Authorization");
        boolean bearer = given != null && given.regionMatches(true, 0, "Bearer ", 0, 7);
        if (!bearer || !MessageDigest.isEqual(sidecar.token, given.substring(7).trim().getBytes(StandardCharsets.UTF_8))) {
            throw new Refused(401, (bearer ? "the bearer token is wrong" : "a bearer token is missing")
                            + "; app.token of the sidecar must be the token given here")
                    .with("WWW-Authenticate", "Bearer");
        }
    }

    private void checkSignature() throws Refused {
        if (!sidecar.signatures.configured() || request.body == null) {
            return; // what was thrown away can't be checked, and is not handled
        }
        String problem = sidecar.signatures.problem(request, sidecar.clock.instant().getEpochSecond());
        if (problem != null) {
            throw new Refused(401, problem);
        }
    }

    private void checkProtocol() throws Refused {
        String version = request.header("Sidecar-Protocol");
        if (!"1".equals(version)) {
            throw new Refused(501, (version == null ? "Sidecar-Protocol is missing" : "Sidecar-Protocol is "
                    + Log.line(version)) + "; this SDK knows version 1: only a Kafka Sidecar may send here, one of a"
                    + " later version needs a later SDK");
        }
    }

    private boolean isColumns() throws Refused {
        String given = request.header("Content-Type");
        String type = given == null ? "" : given.split(";", 2)[0].trim().toLowerCase(Locale.ROOT);
        if (!type.equals(JSON) && !type.equals(COLUMNS)) {
            throw new Refused(415, (given == null ? "Content-Type is missing" : "Content-Type is " + Log.line(given))
                    + "; it must be " + JSON + " or " + COLUMNS);
        }
        return type.equals(COLUMNS);
    }

    private void checkLength() throws Refused {
        if (request.lengthMissing) {
            throw new Refused(411, "Content-Length is missing; a batch is never sent in chunks");
        }
        if (request.body == null || request.body.length > sidecar.maxBody) {
            throw new Refused(413, "the body has more than " + sidecar.maxBody
                    + " bytes; raise withMaxBody or lower the batch size of the sidecar");
        }
    }

    private Batch read(boolean columns) throws Refused {
        Batch batch;
        try {
            batch = columns
                    ? BatchReader.columns(request.body)
                    : BatchReader.json(request.body, "json".equalsIgnoreCase(request.header("Sidecar-Value")));
        } catch (Malformed e) {
            throw new Refused(500, "the body is not a batch: " + Log.line(e.getMessage())
                    + "; find what changes bodies on the way, or what else sends here");
        }
        String announced = request.header("Sidecar-Batch");
        if (announced != null && !announced.equals(batch.id())) {
            throw new Refused(500, "Sidecar-Batch is " + Log.line(announced) + ", the body has batch "
                    + Log.line(batch.id()) + "; find what changes requests on the way");
        }
        if (sidecar.signatures.configured() && !batch.id().equals(request.header("webhook-id"))) {
            throw new Refused(401, "webhook-id is not the id of the batch");
        }
        return batch;
    }

    private Answer handle(Batch batch) throws Refused {
        OffsetRange busy = sidecar.running.begin(batch);
        if (busy != null) {
            throw new Refused(503, "the handler of an earlier request still runs for " + busy
                            + "; it comes again until that has ended, raise app.timeout if this is often so")
                    .with("Retry-After", "1");
        }
        try {
            checkStopping();
            return call(batch);
        } finally {
            sidecar.running.end(batch);
        }
    }

    private void checkStopping() throws Refused {
        if (request.stopping) {
            throw new Refused(503, "the application is stopping; it comes again")
                    .with("Retry-After", "1")
                    .with("Connection", "close");
        }
    }

    private Answer call(Batch batch) throws Refused {
        SortedMap<Integer, Failure> failures;
        try {
            Iterable<Failure> named = sidecar.handler.handlePartly(batch);
            if (named == null) {
                throw new IllegalArgumentException("the handler returned null; return an empty list if nothing failed");
            }
            failures = FailuresJson.sorted(batch, named);
        } catch (Busy e) {
            throw new Refused(503, "the application is busy" + because(e)).with("Retry-After", seconds(e.after()));
        } catch (Retry e) {
            return named(retryAll(batch, e));
        } catch (Reject e) {
            return reject(batch, e);
        } catch (Throwable thrown) {
            if (thrown instanceof InterruptedException) {
                Thread.currentThread().interrupt(); // for the owner of the thread
            }
            return failed("handler", " for " + batch, thrown);
        }
        return failures.isEmpty() ? Answer.empty(200) : named(failures.values());
    }

    private static Iterable<Failure> retryAll(Batch batch, Retry retry) {
        List<Failure> failures = new ArrayList<>();
        for (Partition partition : batch.partitions()) {
            failures.add(partition.records().get(0).retry(retry.reason(), retry.after()));
        }
        return failures;
    }

    private static Answer reject(Batch batch, Reject reject) throws Refused {
        if (batch.records().size() == 1) {
            return named(Collections.singleton(batch.records().get(0).reject(reject.reason())));
        }
        throw new Refused(422, "the handler rejects the batch" + because(reject)
                + "; it is halved until the record that is rejected stands alone");
    }

    private static Answer named(Iterable<Failure> failures) throws Refused {
        byte[] body = FailuresJson.write(failures);
        if (body.length > FailuresJson.LONGEST_ANSWER) {
            throw new Refused(422, "so many records failed that the answer has " + body.length
                    + " bytes, more than the sidecar reads; the batch is halved");
        }
        return Answer.json(200, body);
    }

    private static String because(HandlerException e) {
        return e.reason() == null ? "" : ": " + Log.line(e.reason());
    }

    /** Whole seconds, rounded up, cut at what the sidecar waits at most; 0 leaves it to its back-off. */
    private static String seconds(Duration after) {
        if (after == null) {
            return "1";
        }
        if (after.compareTo(LONGEST_WAIT) > 0) {
            return Long.toString(LONGEST_WAIT.getSeconds());
        }
        return Long.toString(after.plusNanos(999_999_999).getSeconds());
    }
}
