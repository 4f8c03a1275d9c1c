package dev.bowline.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MallocArenaTest {

    /// What a program of its own sees: a JVM that has been running for a while has arenas of its own history.
    static final class Program {

        private Program() {}

        public static void main(String[] args) {
            ExecutorService helper = MallocArena.threadOf(
                    MallocArena.Kind.OTHER, Thread.ofPlatform().daemon().factory());
            System.out.print(MallocArena.isMain()
                    + " " + NativeProcess.onMainArena(MallocArena::isMain)
                    + " "
                    + CompletableFuture.supplyAsync(MallocArena::isMain, helper).join());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"2", "3", "8"})
    void aProgramRunsOnTheMainArenaAndItsHelpersOnAnother(String limit) throws Exception {
        assumeGlibc();
        assertEquals("false true false", output(limit));
    }

    @Test
    void withOneArenaEveryThreadHasIt() throws Exception {
        assumeGlibc();
        assertEquals("true true true", output("1"));
    }

    @Test
    void whatTheProgramThrowsIsThrown() {
        assertEquals(
                "wrong",
                assertThrows(
                                IllegalStateException.class,
                                () -> NativeProcess.onMainArena(() -> {
                                    throw new IllegalStateException("wrong");
                                }))
                        .getMessage());
        assertThrows(
                OutOfMemoryError.class,
                () -> NativeProcess.onMainArena(() -> {
                    throw new OutOfMemoryError("none left");
                }));
    }

    private static void assumeGlibc() throws IOException {
        Path maps = Path.of("/proc/self/maps");
        assumeTrue(
                Files.isReadable(maps) && Files.readString(maps).contains("libc.so.6"),
                "arenas are a matter of glibc, on Linux");
    }

    /// @param limit of the number of arenas
    private static String output(String limit) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Program.class.getName());
        builder.environment().put("MALLOC_ARENA_MAX", limit);
        Process process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor());
        return output;
    }
}
