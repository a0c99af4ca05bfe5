package io.github.kafkasidecar;

import java.util.logging.Logger;

/** The logger of the SDK, and what text that comes from elsewhere must look like in a line. */
final class Log {
    static final Logger LOG = Logger.getLogger("io.github.kafkasidecar");

    private static final int LONGEST = 200;

    private Log() {}

    /** One line of limited length, so that a header or a reason can neither forge nor flood a log. */
    static String line(String text) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < text.length() && i < LONGEST; i++) {
            char c = text.charAt(i);
            line.append(Character.isISOControl(c) ? ' ' : c);
        }
        return text.length() > LONGEST ? line.append("...").toString() : line.toString();
    }

    /** The type alone: a message may hold what is in a record. */
    static String type(Throwable thrown) {
        String name = thrown.getClass().getName();
        return name.substring(name.lastIndexOf('.') + 1);
    }
}
