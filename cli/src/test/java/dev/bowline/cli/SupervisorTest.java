package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.cli.RankProcesses.Patience;
import dev.bowline.distributed.Node;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The supervisor starts the ranks of a machine, starts them again after the failure of one from the last checkpoint,
/// and never after an error of the user.
///
/// A rank is a shell script here, which notes each of its starts.
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "there are no ranks on Windows")
class SupervisorTest {

    private static final Patience SHORT = new Patience(Duration.ofMillis(50), Duration.ofMillis(50));
    private static final Patience LONG = new Patience(Duration.ofMinutes(1), Duration.ofMinutes(1));

    @TempDir
    private Path directory;

    private final StringWriter printed = new StringWriter();
    private final StringWriter told = new StringWriter();

    @Test
    void everyRankGetsTheVariablesOfTorchrun() throws IOException {
        int code = supervise(2, 0, LONG, """
                place="$RANK $WORLD_SIZE $LOCAL_RANK $LOCAL_WORLD_SIZE $MASTER_ADDR $TORCHELASTIC_RESTART_COUNT"
                echo "$place" >>"$D/env"
                [ "$MASTER_PORT" -gt 0 ] && [ -n "$OMP_NUM_THREADS" ] && [ "$BOWLINE_SUPERVISOR" = "$PPID" ]
                """);

        assertEquals(ExitCode.SUCCESS, code, told::toString);
        assertEquals(List.of("0 2 0 2 127.0.0.1 0", "1 2 1 2 127.0.0.1 0"), lines("env"));
    }

    @Test
    void theFirstRankPrintsAndTheOthersWriteFiles() throws IOException {
        supervise(3, 0, LONG, "echo \"I am $RANK\"; echo oops >&2");

        assertEquals("I am 0\n", printed.toString());
        assertTold("oops\n");

        for (int rank : new int[] {1, 2}) {
            List<String> log = Files.readAllLines(directory.resolve("logs/rank-%d.log".formatted(rank)));
            assertTrue(log.getFirst().startsWith("rank %d, start 1, ".formatted(rank)), log::toString);
            assertEquals(List.of("I am " + rank, "oops"), log.subList(1, 3));
        }
        assertFalse(Files.exists(directory.resolve("logs/rank-0.log")));
    }

    @Test
    void afterTheFailureOfARankAllStartAgainFromTheLastCheckpoint() throws IOException {
        int code = supervise(2, 1, LONG, """
                echo "$RANK $*" >>"$D/starts"
                [ $TORCHELASTIC_RESTART_COUNT = 1 ] && exit 0
                [ $RANK = 0 ] && echo step_20 >"$D/LATEST" && exit 75
                until [ -f "$D/LATEST" ]; do :; done
                kill -9 $$
                """);

        assertEquals(ExitCode.SUCCESS, code, told::toString);
        assertEquals(
                List.of(
                        "0 finetune r.yaml",
                        "0 finetune r.yaml --set checkpoint.restore_from=LATEST",
                        "1 finetune r.yaml",
                        "1 finetune r.yaml --set checkpoint.restore_from=LATEST"),
                lines("starts"));
        assertTold("rank 1 was killed with SIGKILL");
        assertTold("starting all ranks again from step_20, restart 1 of at most 1 without a new checkpoint");
    }

    @Test
    void withoutACheckpointTheyStartAsTheyBegan() throws IOException {
        int code = supervise(1, 1, LONG, "echo \"$*\" >>\"$D/starts\"; [ $TORCHELASTIC_RESTART_COUNT = 1 ] || exit 75");

        assertEquals(ExitCode.SUCCESS, code);
        assertEquals(List.of("finetune r.yaml", "finetune r.yaml"), lines("starts"));
        assertTold("starting all ranks again as the run began");
    }

    @Test
    void restartsWithoutANewCheckpointAreLimited() throws IOException {
        int code = supervise(1, 2, LONG, "echo start >>\"$D/starts\"; exit 75");

        assertEquals(ExitCode.RANK_FAILURE, code);
        assertEquals(3, lines("starts").size());
        assertTold("error: the run ends, because 2 restarts brought no new checkpoint (distributed.max_restarts)");
    }

    @Test
    void aNewCheckpointBeginsTheCountAgain() throws IOException {
        int code = supervise(1, 1, LONG, """
                echo start >>"$D/starts"
                [ $TORCHELASTIC_RESTART_COUNT = 3 ] && exit 0
                echo step_$TORCHELASTIC_RESTART_COUNT >"$D/LATEST"
                exit 75
                """);

        assertEquals(ExitCode.SUCCESS, code, told::toString);
        assertEquals(4, lines("starts").size());
    }

    @ParameterizedTest
    @ValueSource(ints = {ExitCode.REFUSED, ExitCode.USAGE, ExitCode.BUG})
    void anErrorOfTheUserIsNotRestartedAndEndsTheOthers(int exitCode) throws IOException {
        int code = supervise(2, 3, SHORT, """
                echo start >>"$D/starts"
                [ $RANK = 0 ] && exec sleep 600
                printf '%%s' '{"message": {"message": "no such file\\n  fix: make it"}}' >"$TORCHELASTIC_ERROR_FILE"
                exit %d
                """.formatted(exitCode));

        assertEquals(exitCode, code);
        assertEquals(2, lines("starts").size());
        assertTold("rank 1: no such file\n  fix: make it\n");
        assertTold("  its output is in " + directory.resolve("logs/rank-1.log"));
    }

    @Test
    void anErrorOfTheUserCountsMoreThanTheFailuresThatItCauses() throws IOException {
        assertEquals(ExitCode.REFUSED, supervise(2, 3, LONG, "[ $RANK = 0 ] && exit 75; exit 1"));
    }

    @Test
    void aRankThatDoesNotEndIsKilled() throws IOException {
        int code = supervise(2, 0, SHORT, """
                [ $RANK = 0 ] && { until [ -f "$D/deaf" ]; do :; done; exit 75; }
                trap '' TERM
                touch "$D/deaf"
                while :; do :; done
                """);

        assertEquals(ExitCode.RANK_FAILURE, code);
        assertTold("rank 0 lost another rank");
    }

    @Test
    void ranksThatASignalStoppedMaySaveAsLongAsTheyNeed() throws IOException {
        int code = supervise(2, 3, SHORT, """
                [ $RANK = 0 ] && { until [ -f "$D/deaf" ]; do :; done; exit 143; }
                trap '' TERM
                touch "$D/deaf"
                sleep 0.3
                touch "$D/saved"
                exit 143
                """);

        assertEquals(Interruption.Cause.SIGTERM.exitCode(), code);
        assertTrue(Files.exists(directory.resolve("saved")));
    }

    @Test
    void aRankThatWaitsForAStoppedOneStopsToo() throws IOException {
        assertEquals(143, supervise(2, 3, LONG, "[ $RANK = 0 ] && exit 143; exec sleep 600"));
    }

    @Test
    void aRankThatASignalEndsBeforeTheFirstStepStopsTheRun() throws IOException {
        assertEquals(143, supervise(2, 3, LONG, """
                [ $RANK = 0 ] && { echo $$ >"$D/pid"; exit 143; }
                until [ -s "$D/pid" ]; do :; done
                while kill -0 $(cat "$D/pid"); do :; done 2>/dev/null
                exit 75
                """));
    }

    /// @param rank a script, with the directory of the test as `$D`
    private int supervise(int ranks, int maxRestarts, Patience patience, String rank) throws IOException {
        Path script = Files.writeString(directory.resolve("rank.sh"), "D='%s'\n%s".formatted(directory, rank));
        RankCommand command = new RankCommand(List.of("sh", script.toString()), List.of("finetune", "r.yaml"));
        Console console = Console.of(new StringReader(""), printed, told);
        Supervisor.Job job = new Supervisor.Job(
                Node.alone(ranks),
                command,
                directory,
                RankLogs.in(directory.resolve("logs"), console),
                maxRestarts,
                patience);
        return new Supervisor(console, job).run();
    }

    private List<String> lines(String file) throws IOException {
        try (Stream<String> lines = Files.lines(directory.resolve(file))) {
            return lines.sorted().toList();
        }
    }

    private void assertTold(String text) {
        assertTrue(told.toString().contains(text), told::toString);
    }
}
