package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/// A rank gets the arguments of its supervisor, but those that start ranks.
class RankCommandTest {

    @Test
    void aRankGetsEveryArgumentButThoseOfTheLaunch() {
        RankCommand command = command(
                "finetune",
                "--nproc=2",
                "--set",
                "optimizer.lr=1e-4",
                "my recipe.yaml",
                "--nnodes",
                "2",
                "--node-rank",
                "0",
                "--master",
                "head:29500",
                "--set",
                "seed=7",
                "--json",
                "--stacktrace");

        assertEquals(
                List.of(
                        "finetune",
                        "my recipe.yaml",
                        "--set",
                        "optimizer.lr=1e-4",
                        "--set",
                        "seed=7",
                        "--json",
                        "--stacktrace"),
                command.arguments());
    }

    @Test
    void anAssignmentOfARestartComesLast() {
        List<String> words =
                command("finetune", "r.yaml", "--set", "seed=7").words(List.of("checkpoint.restore_from=LATEST"));

        assertEquals(
                List.of("finetune", "r.yaml", "--set", "seed=7", "--set", "checkpoint.restore_from=LATEST"),
                words.subList(words.indexOf("finetune"), words.size()));
        assertTrue(words.indexOf(Bowline.class.getName()) == words.indexOf("finetune") - 1, words::toString);
    }

    private static RankCommand command(String... arguments) {
        CommandLine.ParseResult parsed =
                CommandTree.commandLine(Ran.silent()).parseArgs(arguments).subcommand();
        return RankCommand.ofThisProcess(parsed.commandSpec());
    }
}
