package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.bowline.Remedy;
import dev.bowline.Remedy.Decision;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// Every operation of a fix is a command or an option that this program's parser accepts.
class CommandsTest {

    private static final Path MODEL = Path.of("models/gemma");

    @Test
    void aRepairHasItsDecisionsAndItsTarget() {
        assertEquals("bowline repair models/gemma --in-place --apply", Commands.named(Remedy.Repair.inPlace(MODEL)));
        assertEquals(
                "bowline repair models/gemma --keep embedding --in-place --apply",
                Commands.named(Remedy.Repair.inPlace(MODEL, Decision.KEEP_EMBEDDING)));
        assertEquals(
                "bowline repair models/gemma --untie --out 'a copy' --apply",
                Commands.named(Remedy.Repair.into(Path.of("a copy"), MODEL, Decision.UNTIED)));
    }

    @Test
    void anAuditWithAnAdapterNamesTheBase() {
        assertEquals(
                "bowline audit BASE --adapter lora",
                Commands.named(new Remedy.AuditAdapter(Optional.empty(), Path.of("lora"))));
    }

    @Test
    void everyDecisionIsAnOptionOfTheRepair() {
        Console console = Console.of(new StringReader(""), new StringWriter(), new StringWriter());
        for (Decision decision : Decision.values()) {
            String option = Commands.named(new Remedy.Decide(decision));

            CommandTree.commandLine(console).parseArgs(("repair models/gemma --in-place " + option).split(" "));
        }
    }

    @Test
    void aRunQuotesWhatAShellWouldSplit() {
        Remedy run = new Remedy.FineTune(Path.of("my recipe.yaml"), List.of("optimizer={lr: 1e-3}", "a.b=it's"));

        assertEquals(
                "bowline finetune 'my recipe.yaml' --set 'optimizer={lr: 1e-3}' --set 'a.b=it'\\''s'",
                Commands.named(run));
    }
}
