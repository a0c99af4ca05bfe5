package io.github.kafkasidecar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every Java block of the README compiles: whole files as they are, statements within a method of {@link ReadmeNames}. */
class ReadmeTest {
    private static final Pattern BLOCK = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);
    private static final Pattern CLASS = Pattern.compile("public (?:final )?class (\\w+)");

    @TempDir
    Path classes;

    static Stream<String> blocks() throws IOException {
        Matcher matcher = BLOCK.matcher(Files.readString(Path.of("README.md")));
        return matcher.results().map(result -> result.group(1));
    }

    @Test
    void thereAreBlocks() throws IOException {
        assertTrue(blocks().count() > 5);
    }

    @ParameterizedTest
    @MethodSource("blocks")
    void compiles(String block) throws IOException {
        if (block.startsWith("import ")) {
            Matcher name = CLASS.matcher(block);
            assertTrue(name.find(), "a whole file has a public class");
            compile(name.group(1), block);
            return;
        }
        compile("io.github.kafkasidecar.Statements", "package io.github.kafkasidecar;\n"
                + "import com.fasterxml.jackson.databind.ObjectMapper;\nimport java.time.Duration;\nimport java.util.*;\n"
                + "abstract class Statements extends ReadmeNames {\nvoid statements() throws Exception {\n" + block + "}\n}\n");
    }

    private void compile(String className, String source) throws IOException {
        JavaFileObject file = new SimpleJavaFileObject(
                URI.create("string:///" + className.replace('.', '/') + ".java"), JavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                return source;
            }
        };
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter messages = new StringWriter();
        List<String> options = Arrays.asList("-d", classes.toString(), "-cp", System.getProperty("java.class.path"), "-proc:none");
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
            compiler.getTask(messages, files, null, options, null, Arrays.asList(file)).call();
        }
        assertEquals("", messages.toString());
    }
}
