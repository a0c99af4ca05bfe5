package io.github.kafkasidecar;

/** A request that does not reach the handler, or not to its end. Carries what is answered. */
final class Refused extends Exception {
    private static final long serialVersionUID = 1L;

    final transient Answer answer;

    Refused(int status, String text) {
        this(text, Answer.text(status, text));
    }

    private Refused(String text, Answer answer) {
        super(text, null, false, false); // no stack trace: it tells nothing and costs time
        this.answer = answer;
    }

    Refused with(String header, String value) {
        return new Refused(getMessage(), answer.with(header, value));
    }
}
