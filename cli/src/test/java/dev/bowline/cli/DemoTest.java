package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The first command a person types does what it promises. It takes minutes, as it does for them.
class DemoTest {

    @TempDir
    private Path temporary;

    @Test
    void aModelThatKnowsNothingLearnsIsSavedAndAnswersFromWhatWasSaved() {
        Path directory = temporary.resolve("demo");

        Ran ran = Ran.bowline("demo", "--dir", directory.toString(), "--json");

        JsonObject outcome = ran.succeeded().json();
        assertEquals(100, outcome.requireInt("questions"));
        assertTrue(outcome.requireDouble("accuracy_before") < 0.05, ran.out());
        assertTrue(outcome.requireDouble("accuracy_after") > 0.9, ran.out());
        JsonObject run = outcome.requireObject("run");
        assertEquals("finished", run.requireString("outcome"));
        assertTrue(Files.exists(Path.of(run.requireString("checkpoint")).resolve("tokenizer.json")));
        JsonObject saved = group(run, "ties");
        JsonObject reloaded = group(outcome, "ties_reloaded");
        assertEquals(List.of("lm_head.weight"), reloaded.requireArray("aliases").strings());
        assertEquals(saved.requireString("sha256_at_save"), reloaded.requireString("sha256_at_load"));
    }

    private static JsonObject group(JsonObject outcome, String ledger) {
        return outcome.requireArray(ledger).objects().getFirst();
    }
}
