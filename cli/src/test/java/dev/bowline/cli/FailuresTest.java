package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.Remedy;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// A failure is one message on the error stream, with what to do, and an exit code that says whose turn it is.
class FailuresTest {

    @TempDir
    private Path directory = Path.of("");

    @Test
    void wrongInputIsOneWithTheFix() {
        Ran ran = Ran.bowline("inspect", "does/not/exist");

        assertEquals(ExitCode.REFUSED, ran.exitCode());
        assertEquals("", ran.out());
        assertTrue(ran.err().startsWith("error: there is no directory does"), ran.err());
        assertTrue(ran.err().contains("\n  fix: "), ran.err());
        assertFalse(ran.err().contains("\tat "), ran.err());
    }

    @ParameterizedTest
    @ValueSource(strings = {"generate nowhere --prompt x", "inspect nowhere"})
    void aDirectoryThatIsNotThereIsWhatIsSaid(String line) {
        Ran ran = Ran.bowline(line.split(" "));

        assertTrue(ran.err().contains("nowhere") && !ran.err().contains("tokenizer"), ran.err());
        assertTrue(ran.err().contains("there is no"), ran.err());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "repair a --in-place --keep nose | 'nose' is not head or embedding",
                "audit a --fail-on never | 'never' is not low, medium, high or critical",
                "logits a --input b --output c --dtype int8 | 'int8' is not float32 or bfloat16",
                "generate a --prompt b --quantization int4 | 'int4' is not int8 or nf4"
            })
    void theChoicesOfAnOptionAreListedAsTheyAreTyped(String line, String problem) {
        Ran ran = Ran.bowline(line.split(" "));

        assertEquals(ExitCode.USAGE, ran.exitCode());
        assertTrue(ran.err().contains(problem), ran.err());
    }

    @ParameterizedTest
    @ValueSource(strings = {"head", "Head", "HEAD"})
    void aChoiceIsTakenInAnyCase(String side) {
        Ran ran = Ran.bowline("repair", "nowhere", "--in-place", "--keep", side);

        assertEquals(ExitCode.REFUSED, ran.exitCode(), ran.err());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "nonsense",
                "inspect",
                "inspect a b",
                "inspect a --nonsense",
                "generate a",
                "logits a --input b",
                "explain r.yaml --set seed",
                "finetune r.yaml --set =3",
                "generate a --prompt b --temperature -1",
                "generate a --prompt b --temperature nan",
                "generate a --prompt b --top-p 1.5",
                "generate a --prompt b --top-k -1",
                "generate a --prompt b --max-new-tokens 0",
                "generate a --prompt b --repetition-penalty 0",
                "generate a --prompt b --greedy --seed 1",
                "logits a --input b --output c --dtype int8"
            })
    void aWrongCommandLineIsSixtyFour(String line) {
        Ran ran = Ran.bowline(line.isEmpty() ? new String[0] : line.split(" "));

        assertEquals(ExitCode.USAGE, ran.exitCode());
        assertEquals("", ran.out());
        assertTrue(ran.err().startsWith("error: "), ran.err());
        assertFalse(ran.err().startsWith("error: Error"), ran.err());
        assertTrue(ran.err().contains("--help"), ran.err());
    }

    /// The parser of the command line would read arguments from the file.
    @Test
    void anArgumentThatBeginsWithAnAtSignIsThatArgument() throws IOException {
        Path file = Files.writeString(directory.resolve("prompt"), "--help");

        Ran ran = Ran.bowline("generate", "nowhere", "--prompt", "@" + file);

        assertEquals(ExitCode.REFUSED, ran.exitCode(), ran.out() + ran.err());
        assertTrue(ran.err().contains("nowhere"), ran.err());
    }

    @Test
    void theFixNamesTheProgramAsItWasTyped() {
        System.setProperty(Launcher.PROPERTY, "/opt/a b/bowline");
        try {
            assertTrue(Ran.bowline("inspect").err().contains("fix: '/opt/a b/bowline' inspect --help lists"));
        } finally {
            System.clearProperty(Launcher.PROPERTY);
        }
    }

    @Test
    void aMistypedCommandNamesTheNearest() {
        assertTrue(Ran.bowline("inspct", "x").err().contains("nearest: 'inspect'"));
    }

    @Test
    void aStackTraceIsShownOnRequestOnly() {
        assertTrue(Ran.bowline("inspect", "nowhere", "--stacktrace").err().contains("\tat dev.bowline"));
        assertTrue(Ran.bowline("--stacktrace", "inspect", "nowhere").err().contains("\tat dev.bowline"));
    }

    @Test
    void aBugIsSeventyAndSaysSo() {
        StringWriter err = new StringWriter();
        Console console = Console.of(new StringReader(""), new StringWriter(), err);

        assertEquals(
                ExitCode.BUG, Failures.report(console, new IllegalStateException("impossible"), Failures.Trace.HIDDEN));
        assertTrue(err.toString().contains("this is a bug"), err.toString());
        assertTrue(err.toString().contains("--stacktrace"), err.toString());
        assertFalse(err.toString().contains("\tat "), err.toString());
    }

    /// An error of the JVM is no stack trace, and its exit code is not that of an interruption.
    @ParameterizedTest
    @MethodSource("errors")
    void anErrorIsToldAsWhatItIs(int exitCode, Throwable error, String part) {
        StringWriter err = new StringWriter();
        Console console = Console.of(new StringReader(""), new StringWriter(), err);

        assertEquals(exitCode, Failures.report(console, error, Failures.Trace.HIDDEN));
        assertTrue(err.toString().startsWith("error: "), err.toString());
        assertTrue(err.toString().contains("\n  fix: "), err.toString());
        assertTrue(err.toString().contains(part), err.toString());
        assertFalse(err.toString().contains("\tat "), err.toString());
    }

    static Stream<Arguments> errors() {
        return Stream.of(
                Arguments.of(ExitCode.REFUSED, new OutOfMemoryError("Java heap space"), "BOWLINE_JAVA_OPTS=-Xmx"),
                Arguments.of(ExitCode.REFUSED, new StackOverflowError(), "-Xss"),
                Arguments.of(ExitCode.REFUSED, new UnsatisfiedLinkError("libc10.so: file too short"), "BOWLINE_CACHE"),
                Arguments.of(
                        ExitCode.REFUSED,
                        new ExceptionInInitializerError(new UnsatisfiedLinkError("no jnitorch")),
                        "no jnitorch"),
                Arguments.of(ExitCode.REFUSED, new NoClassDefFoundError("dev/bowline/Absent"), "dev/bowline/Absent"),
                Arguments.of(ExitCode.REFUSED, new NoSuchMethodError("of another release"), "build Bowline again"),
                Arguments.of(
                        ExitCode.REFUSED,
                        new UncheckedIOException(new FileSystemException("/data", null, "Input/output error")),
                        "/data: Input/output error"),
                Arguments.of(
                        ExitCode.REFUSED,
                        new InvalidPathException("\u00e4", "unmappable characters"),
                        "LC_ALL=C.UTF-8"),
                Arguments.of(
                        ExitCode.BUG,
                        new ExceptionInInitializerError(new IllegalStateException("impossible")),
                        "this is a bug"),
                Arguments.of(ExitCode.BUG, new AssertionError("impossible"), "this is a bug"));
    }

    /// A JVM that lost a jar: the failure comes before and while the command runs, and the reporter may lack
    /// classes too.
    @ParameterizedTest
    @ValueSource(strings = {"picocli-.*", "pytorch-.*(linux|macosx|windows).*"})
    void aBrokenInstallationIsNoInterruption(String lost) throws IOException, InterruptedException {
        String classPath = Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(jar ->
                        !jar.substring(jar.lastIndexOf(File.separator) + 1).matches(lost))
                .collect(Collectors.joining(File.pathSeparator));
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        classPath,
                        Bowline.class.getName(),
                        "generate",
                        Path.of("src", "main", "resources", "demo", "model").toString(),
                        "--prompt",
                        "hi")
                .redirectErrorStream(true)
                .start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

        assertEquals(ExitCode.REFUSED, process.waitFor(), printed);
        assertTrue(printed.startsWith("error: "), printed);
        assertTrue(printed.contains("  fix: remove the directory cli/target"), printed);
        assertFalse(printed.contains("\tat "), printed);
    }

    @Test
    void nativeFramesAreCutFromABug() {
        StringWriter err = new StringWriter();
        Console console = Console.of(new StringReader(""), new StringWriter(), err);
        RuntimeException failure =
                new RuntimeException("mat1 and mat2 differ\nException raised from x at y.cpp:1\nframe #0");

        Failures.report(console, failure, Failures.Trace.HIDDEN);

        assertTrue(err.toString().contains("mat1 and mat2 differ"), err.toString());
        assertFalse(err.toString().contains("y.cpp"), err.toString());
    }

    @Test
    void tooLittleMemoryIsNotABug() {
        StringWriter err = new StringWriter();
        Console console = Console.of(new StringReader(""), new StringWriter(), err);
        RuntimeException failure = new RuntimeException(
                "DefaultCPUAllocator: can't allocate memory: you tried to allocate 30000000000 bytes");

        assertEquals(ExitCode.REFUSED, Failures.report(console, failure, Failures.Trace.HIDDEN));
        assertTrue(err.toString().contains("30000000000"), err.toString());
    }

    @Test
    void aKnownFailureIsItsProblemAndItsFix() {
        StringWriter err = new StringWriter();
        Console console = Console.of(new StringReader(""), new StringWriter(), err);
        BowlineException known = new BowlineException("the disk is full", "free some space");

        assertEquals(ExitCode.REFUSED, Failures.report(console, known, Failures.Trace.HIDDEN));
        assertEquals("error: the disk is full\n  fix: free some space\n", err.toString());
    }

    @Test
    void aKeyThatAProgramWouldSetIsAnOption() {
        Fix fix = Fix.of("name another directory, or ").and(new Remedy.Assign("checkpoint.restore_from=LATEST"));

        assertEquals("name another directory, or set checkpoint.restore_from=LATEST", fix.toString());
        assertEquals(
                List.of(new Commands.Line("name another directory, or --set checkpoint.restore_from=LATEST", false)),
                Commands.lines(fix));
    }

    @Test
    void aTerminalGetsWholeWordsAndCommandsOnOneLine() {
        StringWriter err = new StringWriter();
        PrintWriter printer = new PrintWriter(err);
        Console console = new Console(
                new BufferedReader(new StringReader("")),
                printer,
                printer,
                Optional.of(new Console.Screen(() -> 30, printer)),
                false);
        Fix command = Fix.of(Remedy.Repair.into(Path.of("fixed"), Path.of("models/gemma")));

        Failures.report(console, new BowlineException("the tie is split in two files", command), Failures.Trace.HIDDEN);
        Failures.report(console, new BowlineException("no room", "free some space on the disk"), Failures.Trace.HIDDEN);

        assertEquals("""
                error: the tie is split in two
                    files
                  fix: bowline repair models/gemma --out fixed --apply
                error: no room
                  fix: free some space on the
                      disk
                """, err.toString());
    }

    /// A person who typed `./bowline` can paste the commands of a fix.
    @Test
    void theCommandsOfAFixAreCalledAsTheProgramWas() {
        StringWriter err = new StringWriter();
        Console console = Console.of(new StringReader(""), new StringWriter(), err);
        System.setProperty(Launcher.PROPERTY, "./bowline");
        try {
            Failures.report(
                    console,
                    new BowlineException(
                            "a bowline slipped",
                            Fix.of("tie it again:\n    ").and(new Remedy.FineTune(Path.of("a.yaml"), List.of("b=c")))),
                    Failures.Trace.HIDDEN);
            Failures.report(
                    console,
                    new BowlineException(
                            "torn", Fix.of(Remedy.Repair.inPlace(Path.of("x"))).and(" mends it")),
                    Failures.Trace.HIDDEN);
        } finally {
            System.clearProperty(Launcher.PROPERTY);
        }

        assertEquals("""
                error: a bowline slipped
                  fix: tie it again:
                    ./bowline finetune a.yaml --set b=c
                error: torn
                  fix: ./bowline repair x --in-place --apply mends it
                """, err.toString());
    }
}
