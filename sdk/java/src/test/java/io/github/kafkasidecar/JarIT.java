package io.github.kafkasidecar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** What is published: the jar, its pom, and that the same source gives the same bytes. */
class JarIT {
    private static final int JAVA_8 = 52;
    private static final Path JAR = Path.of(System.getProperty("jar"));

    @Test
    void everyClassIsForJava8() throws IOException {
        int classes = 0;
        try (JarFile jar = new JarFile(JAR.toFile())) {
            for (ZipEntry entry : entries(jar)) {
                if (entry.getName().endsWith(".class")) {
                    try (DataInputStream in = new DataInputStream(jar.getInputStream(entry))) {
                        assertEquals(0xCAFEBABE, in.readInt(), entry.getName());
                        in.readUnsignedShort();
                        assertTrue(in.readUnsignedShort() <= JAVA_8, entry.getName());
                        classes++;
                    }
                }
            }
        }
        assertTrue(classes > 100, "the parser's classes are among them: " + classes);
    }

    @Test
    void itHoldsItsOwnPackageAndLicencesOnly() throws IOException {
        TreeSet<String> others = new TreeSet<>();
        try (JarFile jar = new JarFile(JAR.toFile())) {
            assertFalse(jar.isMultiRelease());
            assertEquals("io.github.kafkasidecar", jar.getManifest().getMainAttributes().getValue("Automatic-Module-Name"));
            for (ZipEntry entry : entries(jar)) {
                if (!entry.getName().matches("io/github/kafkasidecar/(\\w+/)*[\\w$-]+\\.class") && !entry.isDirectory()) {
                    others.add(entry.getName());
                }
            }
        }
        assertEquals(new TreeSet<>(List.of("META-INF/FastDoubleParser-LICENSE", "META-INF/FastDoubleParser-NOTICE", "META-INF/LICENSE",
                "META-INF/MANIFEST.MF", "META-INF/NOTICE", "META-INF/thirdparty-LICENSE")), others);
    }

    /** A class that names the parser by its own name would meet the application's version, or none. */
    @Test
    void noClassNamesTheParserByItsOldName() throws IOException {
        try (JarFile jar = new JarFile(JAR.toFile())) {
            for (ZipEntry entry : entries(jar)) {
                try (InputStream in = jar.getInputStream(entry)) {
                    String bytes = new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
                    assertFalse(entry.getName().endsWith(".class") && bytes.contains("com/fasterxml/jackson"), entry.getName());
                }
            }
        }
    }

    @Test
    void thePomAsksForNothing() throws Exception {
        Element project = DocumentBuilderFactory.newInstance().newDocumentBuilder()
                .parse(Path.of(System.getProperty("pom")).toFile()).getDocumentElement();
        NodeList dependencies = project.getElementsByTagName("dependency");
        for (int i = 0; i < dependencies.getLength(); i++) {
            NodeList scope = ((Element) dependencies.item(i)).getElementsByTagName("scope");
            assertEquals("test", scope.getLength() == 0 ? "compile" : scope.item(0).getTextContent());
        }
    }

    /** The jar alone on the class path serves; so nothing was left out of it that is needed. */
    @Test
    void itServesWithoutAnythingElse(@TempDir Path dir) throws Exception {
        Path app = dir.resolve("App.java");
        Files.writeString(app, "public class App {\n"
                + "  public static void main(String[] args) {\n"
                + "    io.github.kafkasidecar.BatchBuilder b = new io.github.kafkasidecar.BatchBuilder().partition(\"t\", 0).record(\"k\", \"v\");\n"
                + "    io.github.kafkasidecar.Sidecar s = io.github.kafkasidecar.Sidecar.handle(x -> { throw new io.github.kafkasidecar.Reject(x.records().get(0).text()); });\n"
                + "    System.out.println(new String(s.exchange(b.headers(), b.body()).body()));\n"
                + "    s.serve(0).close();\n"
                + "  }\n"
                + "}\n");
        String output = run(dir, Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp", JAR.toString(), app.toString());
        assertTrue(output.contains("\"action\":\"reject\",\"reason\":\"v\"}]}"), output);
    }

    @Test
    void theSameSourceGivesTheSameBytes(@TempDir Path dir) throws Exception {
        copy(Path.of("pom.xml"), dir.resolve("pom.xml"));
        try (Stream<Path> sources = Files.walk(Path.of("src", "main"))) {
            for (Path source : sources.filter(Files::isRegularFile).collect(Collectors.toList())) {
                copy(source, dir.resolve(source));
            }
        }
        run(dir, System.getProperty("maven"), "-q", "-B", "-o", "-Dmaven.repo.local=" + System.getProperty("repository"),
                "package", "-Dmaven.test.skip", "-Dmaven.javadoc.skip");
        for (String name : new String[] {JAR.getFileName().toString(), JAR.getFileName().toString().replace(".jar", "-sources.jar")}) {
            byte[] first = Files.readAllBytes(JAR.resolveSibling(name));
            assertArrayEquals(first, Files.readAllBytes(dir.resolve("target").resolve(name)), name);
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to.getParent());
        Files.copy(from, to, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Runs a command to its end in another time zone; returns its output. */
    private static String run(Path dir, String... command) throws Exception {
        Path output = dir.resolve("output");
        ProcessBuilder builder = new ProcessBuilder(command).directory(dir.toFile()).redirectErrorStream(true).redirectOutput(output.toFile());
        builder.environment().put("TZ", "Asia/Kathmandu");
        Process process = builder.start();
        try {
            assertTrue(process.waitFor(5, TimeUnit.MINUTES), String.join(" ", command) + " has not ended");
        } finally {
            process.destroyForcibly();
        }
        String text = Files.readString(output);
        assertEquals(0, process.exitValue(), text);
        return text;
    }

    private static List<ZipEntry> entries(JarFile jar) {
        return jar.stream().collect(Collectors.toList());
    }
}
