package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// A rank ends with its supervisor, and writes its failure where its launcher reads it.
@EnabledOnOs(value = OS.LINUX, disabledReason = "ranks are on Linux only")
class RankProcessTest {

    @TempDir
    private Path directory;

    @Test
    void aFailureIsWrittenAsTorchrunReadsIt() {
        Path file = directory.resolve("error.json");

        assertThrows(
                BowlineException.class,
                () -> RankProcess.run(Map.of(ErrorFile.VARIABLE, file.toString()), () -> {
                    throw new BowlineException("no file x", "make it");
                }));

        assertEquals(Optional.of("no file x\n  fix: make it"), ErrorFile.message(file));
    }

    @Test
    void aLauncherThatReadsNoFailureGetsNone() {
        assertEquals(0, RankProcess.run(Map.of(), () -> 0));
        assertThrows(
                IllegalStateException.class,
                () -> RankProcess.run(Map.of(ErrorFile.VARIABLE, directory + "/absent/error.json"), () -> {
                    throw new IllegalStateException("x");
                }));
    }

    @Test
    void aRankEndsWhenItsSupervisorIsKilled() throws IOException {
        Process supervisor = new ProcessBuilder(
                        "sh",
                        "-c",
                        "BOWLINE_SUPERVISOR=$$ \"$@\" & wait",
                        "sh",
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Rank.class.getName())
                .start();
        try (BufferedReader output =
                new BufferedReader(new InputStreamReader(supervisor.getInputStream(), StandardCharsets.UTF_8))) {
            long rank = Long.parseLong(output.readLine());

            supervisor.destroyForcibly();

            long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
            while (isAlive(rank)) {
                assertTrue(System.nanoTime() < deadline, "the rank goes on");
                Thread.onSpinWait();
            }
        }
    }

    /// False for a process that has ended and that its parent has not waited for.
    private static boolean isAlive(long process) throws IOException {
        try {
            String status = Files.readString(Path.of("/proc", Long.toString(process), "stat"));
            return !status.substring(status.lastIndexOf(')')).startsWith(") Z");
        } catch (NoSuchFileException _) {
            return false;
        }
    }

    /// A rank that never ends.
    static final class Rank {

        private Rank() {}

        public static void main(String[] arguments) {
            RankProcess.run(System.getenv(), () -> {
                System.out.println(ProcessHandle.current().pid());
                while (true) {
                    LockSupport.park();
                }
            });
        }
    }
}
