package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.Families;
import dev.bowline.model.Architecture;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The programs of the documents compile and run, and every class and version that the documents name exists.
class ReadmeTest {

    private static final Path ROOT = Path.of("..");
    private static final Path MODEL = Path.of("src", "main", "resources", "demo", "model");
    private static final Pattern PROGRAM = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);
    private static final Pattern PRINTED = Pattern.compile("```text\n(.*?)```", Pattern.DOTALL);
    private static final Pattern CLASS =
            Pattern.compile("`([A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]*)+)(?:\\.[a-z][A-Za-z]*)?`");

    /// The classes of transformers that Bowline builds.
    private static final Set<String> ARCHITECTURES =
            Families.all().stream().map(Architecture::name).collect(Collectors.toSet());

    @TempDir
    private Path directory = Path.of("");

    @Test
    void theProgramOfTheReadmeCompilesAndRuns() throws Exception {
        List<String> lines = ran("README.md", "Ask", MODEL.toString(), "<bos><|turn>user\nSay hello.<turn|>\n");

        assertEquals("one value: true", lines.getFirst());
        assertTrue(lines.size() > 1, "it answered nothing");
    }

    @Test
    void theProgramOfTheLibraryGuideTrains() throws Exception {
        Path run = directory.resolve("run");

        List<String> lines = ran("docs/guides/library.md", "Teach", MODEL.toString(), run.toString());

        assertTrue(lines.getFirst().startsWith("step 1 of 2: loss "), lines::toString);
        assertEquals(2, lines.size());
        try (Stream<Path> files = Files.walk(run)) {
            assertTrue(files.anyMatch(file -> file.endsWith("model.safetensors")));
        }
    }

    @Test
    void theProgramOfTheLibraryGuideUsesAndMergesAdapters() throws Exception {
        Path merged = directory.resolve("merged");

        List<String> lines = ran(
                "docs/guides/library.md",
                "Adapt",
                MODEL.toString(),
                directory.resolve("adapter").toString(),
                merged.toString());

        assertTrue(lines.getFirst().startsWith("trained values: "), lines::toString);
        assertEquals(List.of("in use: new", "attached: 1"), lines.subList(1, 3));
        assertTrue(Files.exists(merged.resolve("model.safetensors")));
    }

    @Test
    void theProgramOfTheGuideToTiedWeightsPrintsThePagesNumbers() throws Exception {
        String guide = "docs/guides/tied-weights.md";
        Matcher printed = PRINTED.matcher(Files.readString(ROOT.resolve(guide)));
        assertTrue(printed.find());

        List<String> lines = ran(guide, "Replace", MODEL.toString());

        assertEquals(printed.group(1).lines().toList(), lines);
    }

    /// Runs the program of this name in a document and returns its output.
    private List<String> ran(String document, String name, String... arguments) throws Exception {
        String program = PROGRAM.matcher(Files.readString(ROOT.resolve(document)))
                .results()
                .map(block -> block.group(1))
                .filter(block -> block.contains("class %s ".formatted(name)))
                .findFirst()
                .orElseThrow();
        Path source = Files.writeString(directory.resolve(name + ".java"), program);
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        int exit = compiler.run(
                null,
                null,
                null,
                "-cp",
                System.getProperty("java.class.path"),
                "-proc:none",
                "-d",
                directory.toString(),
                source.toString());
        assertEquals(0, exit);

        PrintStream before = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        try (URLClassLoader loader =
                        new URLClassLoader(new URL[] {directory.toUri().toURL()});
                PrintStream capturing = new PrintStream(printed, true, StandardCharsets.UTF_8)) {
            System.setOut(capturing);
            loader.loadClass(name).getMethod("main", String[].class).invoke(null, (Object) arguments);
        } finally {
            System.setOut(before);
        }
        return printed.toString(StandardCharsets.UTF_8).lines().toList();
    }

    /// A version that a document or the BOM names is the one that the build uses.
    @Test
    void theVersionsOfTheBomAndTheReadmeAreThoseOfTheBuild() throws IOException {
        String build = Files.readString(ROOT.resolve("pom.xml"));
        String bom = Files.readString(ROOT.resolve("bom").resolve("pom.xml"));
        String readme = Files.readString(ROOT.resolve("README.md"));
        String version = element("version", build);

        assertEquals(version, element("version", bom));
        assertTrue(readme.contains("<version>%s</version>".formatted(version)), version);
        assertTrue(readme.contains("bowline-bom:%s'".formatted(version)), version);
        for (String library : List.of("pytorch", "openblas", "javacpp")) {
            String own = element(library + ".version", build);
            assertEquals(own, element(library + ".version", bom));
            assertTrue(readme.contains("org.bytedeco:%s:%s:linux-x86_64'".formatted(library, own)), library);
        }
    }

    /// The text of the first element of this name.
    private static String element(String name, String xml) {
        Matcher element = Pattern.compile("<%1$s>([^<]+)</%1$s>".formatted(Pattern.quote(name)))
                .matcher(xml);
        assertTrue(element.find(), name);
        return element.group(1);
    }

    @Test
    void everyClassThatTheDocumentsNameExists() throws IOException {
        Set<String> classes = sources();
        Set<String> missing = new TreeSet<>();
        for (Path document : documents()) {
            Matcher named = CLASS.matcher(Files.readString(document));
            while (named.find()) {
                String name = named.group(1);
                if (!classes.contains(name) && !ARCHITECTURES.contains(name) && !name.startsWith("Illegal")) {
                    missing.add(document + ": " + name);
                }
            }
        }
        assertEquals(Set.of(), missing);
    }

    private static List<Path> documents() throws IOException {
        List<Path> documents = new ArrayList<>(List.of(ROOT.resolve("README.md"), ROOT.resolve("CONTRIBUTING.md")));
        try (Stream<Path> files = Files.walk(ROOT.resolve("docs"))) {
            files.filter(file -> file.toString().endsWith(".md")).forEach(documents::add);
        }
        return documents;
    }

    private static Set<String> sources() throws IOException {
        try (Stream<Path> library = Files.walk(ROOT.resolve("library").resolve("src"));
                Stream<Path> cli = Files.walk(Path.of("src"));
                Stream<Path> spark = Files.walk(ROOT.resolve("spark").resolve("src"));
                Stream<Path> bench = Files.walk(ROOT.resolve("bench").resolve("src"))) {
            return Stream.of(library, cli, spark, bench)
                    .flatMap(files -> files)
                    .map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".java"))
                    .map(name -> name.substring(0, name.length() - ".java".length()))
                    .collect(Collectors.toSet());
        }
    }
}
