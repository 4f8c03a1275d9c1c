package dev.bowline.audit.repair;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.H;
import static dev.bowline.audit.CheckpointFixture.ROWS;
import static dev.bowline.audit.CheckpointFixture.WIDTH;
import static dev.bowline.audit.findings.Findings.codes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.audit.CheckpointFixture;
import dev.bowline.audit.evidence.SourceFiles;
import dev.bowline.safetensors.SafetensorsType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a repair cannot decide or cannot make clean it refuses, and the original stays.
class RefusedRepairTest {

    private static final RepairOptions LOSSLESS = RepairOptions.LOSSLESS;

    @TempDir
    private Path temporary;

    @Test
    void whatTheBytesDoNotDecideIsRefusedAndTheOriginalStays() throws IOException {
        Path source = CheckpointFixture.llama("false").embedding(E).write(temporary.resolve("source"));
        Map<String, String> before = Written.contents(source);

        BowlineException refusal = assertThrows(BowlineException.class, () -> Repair.plan(source, LOSSLESS));

        assertTrue(refusal.problem().contains("the head is missing"), refusal.problem());
        assertEquals(before, Written.contents(source));
        RepairOptions tied = new RepairOptions(Optional.empty(), Optional.of(RepairOptions.Declare.TIED));
        assertEquals(Set.of(), codes(Repair.apply(Repair.plan(source, tied), temporary.resolve("target"))));
    }

    /// A plan that would leave two values under a tied flag, as a fault in the planner could.
    @Test
    void aResultThatIsNotCleanDoesNotHappen() throws IOException {
        Path source = CheckpointFixture.llama("true").embedding(E).head(H).write(temporary.resolve("source"));
        Map<String, String> before = Written.contents(source);
        RepairPlan right = Repair.plan(source, LOSSLESS);
        RepairPlan wrong = new RepairPlan(
                right.before(),
                right.load(),
                right.pair(),
                true,
                right.names(),
                right.rebuilt(),
                right.malformed(),
                right.rewritesIndex(),
                right.rewritesAlias(),
                true,
                Optional.empty(),
                List.of("say tied, whatever the bytes are"),
                List.of(),
                right.after());

        for (BowlineException refused : List.of(
                assertThrows(BowlineException.class, () -> Repair.applyInPlace(wrong)),
                assertThrows(BowlineException.class, () -> Repair.apply(wrong, temporary.resolve("target"))))) {
            assertTrue(refused.problem().contains("its result would have T01"), refused.problem());
            assertTrue(refused.fix().contains("nothing was written"), refused.fix());
        }
        assertEquals(before, Written.contents(source));
        assertEquals(List.of(source), SourceFiles.list(temporary));
    }

    @Test
    void aReaderThatTiesWhateverTheFlagSaysIsNamed() throws IOException {
        Path source = new CheckpointFixture("""
                        {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "vocab_size": 32,
                         "tie_word_embeddings": true}""")
                .with("shared.weight", SafetensorsType.F32, ROWS, WIDTH, E)
                .head(H)
                .write(temporary.resolve("source"));

        BowlineException refused = assertThrows(BowlineException.class, () -> Repair.plan(source, LOSSLESS));

        assertTrue(refused.fix().contains("whatever the flag says"), refused.fix());
    }

    @Test
    void aTargetInsideTheCheckpointIsRefused() throws IOException {
        Path source = CheckpointFixture.llama("true").embedding(E).head(E).write(temporary.resolve("source"));
        RepairPlan plan = Repair.plan(source, LOSSLESS);

        BowlineException refused =
                assertThrows(BowlineException.class, () -> Repair.apply(plan, source.resolve("fixed")));

        assertTrue(refused.problem().contains("is inside the checkpoint"), refused.problem());
    }
}
