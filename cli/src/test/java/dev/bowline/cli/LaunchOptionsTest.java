package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.distributed.Node;
import dev.bowline.distributed.Rendezvous;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/// The options and the environment give a process its part in a run, and never contradict each other.
class LaunchOptionsTest {

    private static final Map<String, String> TORCHRUN =
            Map.of("RANK", "1", "WORLD_SIZE", "2", "MASTER_ADDR", "head", "MASTER_PORT", "29500");

    private static final Map<String, String> INDEXED_JOB =
            Map.of("JOB_COMPLETION_INDEX", "1", "BOWLINE_NODES", "2", "BOWLINE_MASTER", "tune-0:29500");

    @CommandLine.Command(name = "finetune")
    private static final class Holder {
        @CommandLine.Mixin
        private LaunchOptions ranks = new LaunchOptions();
    }

    private static Launch launch(Map<String, String> environment, String... arguments) {
        Holder holder = new Holder();
        new CommandLine(holder).parseArgs(arguments);
        return holder.ranks.launch(environment);
    }

    @Test
    void withoutOptionsAndVariablesTheProcessIsTheRun() {
        assertEquals(new Launch.Alone(), launch(Map.of()));
    }

    @Test
    void variablesOfALauncherMakeTheProcessARank() {
        assertEquals(new Launch.OfRank(new Rendezvous(1, 2, 0, "head", 29500, "bowline", 0)), launch(TORCHRUN));
    }

    @Test
    void aNumberOfProcessesMakesItTheSupervisorOfOneMachine() {
        assertEquals(new Launch.OfNode(Node.alone(1)), launch(Map.of(), "--nproc", "1"));
        assertEquals(new Launch.OfNode(Node.alone(3)), launch(Map.of(), "--nnodes", "1", "--nproc", "3"));
    }

    @Test
    void severalMachinesAreGivenByHand() {
        assertEquals(
                new Launch.OfNode(new Node(1, 2, 4, "10.0.0.1", 29500, "bowline")),
                launch(Map.of(), "--nproc=4", "--nnodes=2", "--node-rank=1", "--master=10.0.0.1:29500"));
    }

    @Test
    void aPodIsAMachineAndMayHaveMoreRanks() {
        Node pod = new Node(1, 2, 1, "tune-0", 29500, "bowline");

        assertEquals(new Launch.OfNode(pod), launch(INDEXED_JOB));
        assertEquals(new Launch.OfNode(pod.withProcesses(2)), launch(INDEXED_JOB, "--nproc", "2"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--nproc 0|--nproc 0: expected a number of at least 1",
                "--nnodes 2 --nproc 2|--nnodes, --node-rank and --master are given together",
                "--node-rank 0|--nnodes, --node-rank and --master are given together",
                "--master h:1|--nnodes, --node-rank and --master are given together",
                "--nnodes 2 --node-rank 2 --master h:1|--node-rank 2 is not one of 0 to 1",
                "--nnodes 2 --node-rank 1 --master h|--master h: expected HOST:PORT"
            })
    void optionsThatDoNotFitAreAWrongCommandLine(String options, String problem) {
        CommandLine.ParameterException error =
                assertThrows(CommandLine.ParameterException.class, () -> launch(Map.of(), options.split(" ")));

        assertTrue(String.valueOf(error.getMessage()).startsWith(problem), error.toString());
    }

    @Test
    void aRankOfALauncherStartsNoRanks() {
        BowlineException error = assertThrows(BowlineException.class, () -> launch(TORCHRUN, "--nproc", "2"));

        assertEquals(
                "a launcher started this process as rank 1 of 2, and --nproc asks it to start ranks itself",
                error.problem());
    }
}
