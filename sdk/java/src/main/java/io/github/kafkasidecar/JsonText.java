package io.github.kafkasidecar;

import java.nio.ByteBuffer;
import java.util.Base64;

/** Reads single values out of a body, given where they begin. The body must be known to be valid JSON in UTF-8. */
final class JsonText {
    private JsonText() {}

    /**
     * The bytes of the field's value that begins at {@code at} as they stand in the body, white space around it
     * included: the sidecar writes none of its own, so it was part of the value.
     */
    static ByteBuffer raw(byte[] body, int at) {
        int from = at;
        while (isSpace(body[from - 1])) { // ends at the colon
            from--;
        }
        int end = end(body, at);
        while (isSpace(body[end])) { // ends at the next field or the end of the object
            end++;
        }
        return ByteBuffer.wrap(body, from, end - from);
    }

    private static boolean isSpace(byte b) {
        return b == ' ' || b == '\n' || b == '\r' || b == '\t';
    }

    /** The content of a string: a view of the body if nothing in it is escaped. */
    static ByteBuffer string(byte[] body, int at) {
        int from = at + 1;
        int end = closingQuote(body, at);
        for (int i = from; i < end; i++) {
            if (body[i] == '\\') {
                return unescape(body, from, i, end);
            }
        }
        return ByteBuffer.wrap(body, from, end - from);
    }

    /** The bytes that a string has in base64. */
    static ByteBuffer base64(byte[] body, int at) {
        return Base64.getDecoder().decode(string(body, at));
    }

    /** Whether a string is standard base64 with its padding. */
    static boolean isBase64(byte[] body, int at) {
        ByteBuffer text = string(body, at);
        int end = text.limit();
        for (int pads = 0; pads < 2 && end > text.position() && text.get(end - 1) == '='; pads++) {
            end--;
        }
        for (int i = text.position(); i < end; i++) {
            if (!isBase64(text.get(i))) {
                return false;
            }
        }
        return text.remaining() % 4 == 0;
    }

    private static boolean isBase64(byte b) {
        return b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b == '+' || b == '/';
    }

    /** Whether every escaped surrogate of a string has its other half: without it there are no bytes for it. */
    static boolean isUnicode(byte[] body, int at) {
        int end = closingQuote(body, at);
        for (int i = at + 1; i < end; i++) {
            if (body[i] != '\\') {
                continue;
            }
            i++;
            if (body[i] == 'u') {
                char unit = unit(body, i + 1);
                i += 4;
                if (Character.isHighSurrogate(unit) && lowSurrogateFollows(body, i + 1)) {
                    i += 6;
                } else if (Character.isSurrogate(unit)) {
                    return false;
                }
            }
        }
        return true;
    }

    private static boolean lowSurrogateFollows(byte[] body, int at) {
        // Within the body: a string is followed by a quote and the ends of its objects.
        return body[at] == '\\' && body[at + 1] == 'u' && Character.isLowSurrogate(unit(body, at + 2));
    }

    /** The position behind the value that begins at {@code at}. */
    private static int end(byte[] body, int at) {
        switch (body[at]) {
            case '"':
                return closingQuote(body, at) + 1;
            case '{':
            case '[':
                return closingBracket(body, at) + 1;
            default:
                return endOfWord(body, at);
        }
    }

    private static int closingQuote(byte[] body, int at) {
        int i = at + 1;
        while (body[i] != '"') {
            i += body[i] == '\\' ? 2 : 1;
        }
        return i;
    }

    private static int closingBracket(byte[] body, int at) {
        int depth = 0;
        for (int i = at; ; i++) {
            switch (body[i]) {
                case '"':
                    i = closingQuote(body, i);
                    break;
                case '{':
                case '[':
                    depth++;
                    break;
                case '}':
                case ']':
                    if (--depth == 0) {
                        return i;
                    }
                    break;
                default:
                    break;
            }
        }
    }

    /** The end of a number, {@code true}, {@code false} or {@code null}. */
    private static int endOfWord(byte[] body, int at) {
        int i = at;
        while (body[i] > ' ' && body[i] != ',' && body[i] != '}' && body[i] != ']') {
            i++;
        }
        return i;
    }

    /** Unescapes {@code from} to {@code end}; {@code escape} is where the first escape stands. */
    private static ByteBuffer unescape(byte[] body, int from, int escape, int end) {
        byte[] out = new byte[end - from]; // an escape is never shorter than what it stands for
        int length = escape - from;
        System.arraycopy(body, from, out, 0, length);
        for (int i = escape; i < end; i++) {
            byte b = body[i];
            if (b != '\\') {
                out[length++] = b;
            } else if (body[++i] != 'u') {
                out[length++] = unescaped(body[i]);
            } else {
                int codePoint = unit(body, i + 1);
                i += 4;
                if (Character.isHighSurrogate((char) codePoint)) {
                    codePoint = Character.toCodePoint((char) codePoint, unit(body, i + 3));
                    i += 6;
                }
                length = encode(codePoint, out, length);
            }
        }
        return ByteBuffer.wrap(out, 0, length);
    }

    private static byte unescaped(byte letter) {
        switch (letter) {
            case 'b':
                return '\b';
            case 'f':
                return '\f';
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            default: // a quote, a backslash or a slash
                return letter;
        }
    }

    /** The UTF-16 code unit of four hexadecimal digits. */
    private static char unit(byte[] body, int at) {
        int unit = 0;
        for (int i = at; i < at + 4; i++) {
            unit = unit << 4 | Character.digit(body[i], 16);
        }
        return (char) unit;
    }

    private static int encode(int codePoint, byte[] out, int at) {
        int i = at;
        if (codePoint < 0x80) {
            out[i++] = (byte) codePoint;
            return i;
        }
        if (codePoint < 0x800) {
            out[i++] = (byte) (0xC0 | codePoint >> 6);
        } else {
            if (codePoint < 0x10000) {
                out[i++] = (byte) (0xE0 | codePoint >> 12);
            } else {
                out[i++] = (byte) (0xF0 | codePoint >> 18);
                out[i++] = (byte) (0x80 | codePoint >> 12 & 0x3F);
            }
            out[i++] = (byte) (0x80 | codePoint >> 6 & 0x3F);
        }
        out[i++] = (byte) (0x80 | codePoint & 0x3F);
        return i;
    }
}
