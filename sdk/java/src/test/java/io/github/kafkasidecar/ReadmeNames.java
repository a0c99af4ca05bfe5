package io.github.kafkasidecar;

import java.util.List;
import java.util.Map;

/** What the statements in the README take for given. Never run. */
abstract class ReadmeNames {
    Sidecar sidecar;
    Handler handler;
    HttpRequest request;
    byte[] body;

    /** A request of some server that has its headers as a map. */
    interface HttpRequest {
        Map<String, List<String>> getHeaders();
    }

    abstract boolean save(Object what);

    abstract boolean valid(Record record);

    abstract void saveAllBut(List<Failure> failures, List<Record> records);
}
