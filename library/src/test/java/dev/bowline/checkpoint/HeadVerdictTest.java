package dev.bowline.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.audit.AuditOptions;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.consumers.Consumer;
import dev.bowline.audit.consumers.Outcome;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.AutoModelLoad;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.TiedWeights;
import dev.bowline.nn.Parameter;
import dev.bowline.ties.HeadBytes;
import dev.bowline.ties.HeadBytes.Plan;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What a checkpoint's head is follows from the flag and the bytes, before anything is loaded: a diverged head is
/// never overwritten, and nothing is left as initialised.
class HeadVerdictTest {

    /// A checkpoint of one cell of the matrix, in one of six layouts.
    private record Cell(HeadBytes bytes, boolean tied, String variant, boolean sharded) {

        boolean isNested() {
            return !variant.equals("text_only");
        }

        String embedding() {
            return isNested() ? "model.language_model.embed_tokens.weight" : "model.embed_tokens.weight";
        }

        Path write(Path directory) throws IOException {
            TinyCheckpoint checkpoint =
                    new TinyCheckpoint(directory, variant).flag("", tied).sharded(sharded ? 40_000 : Long.MAX_VALUE);
            if (isNested()) {
                checkpoint.flag("text_config", tied);
            }
            checkpoint.with("lm_head.weight", embedding());
            switch (bytes) {
                case EMBED_ONLY -> checkpoint.without("lm_head.weight");
                case HEAD_ONLY -> checkpoint.without(embedding());
                case BOTH_EQUAL -> {}
                case BOTH_DIFFER ->
                    checkpoint.changed("lm_head.weight", 32 * 5 + 1, 0.5f).changed("lm_head.weight", 32 * 9, -0.25f);
                case SHAPE_MISMATCH -> checkpoint.rows("lm_head.weight", 100);
                case NEITHER -> checkpoint.without("lm_head.weight").without(embedding());
            }
            return checkpoint.write();
        }
    }

    @TempDir
    private Path temporary;

    static List<Cell> cells() {
        List<Cell> cells = new ArrayList<>();
        for (HeadBytes bytes : HeadBytes.values()) {
            for (boolean tied : List.of(true, false)) {
                for (String variant : List.of("moe_tied", "dense_kv", "text_only")) {
                    cells.add(new Cell(bytes, tied, variant, false));
                    cells.add(new Cell(bytes, tied, variant, true));
                }
            }
        }
        return cells;
    }

    @ParameterizedTest
    @MethodSource("cells")
    void everyCellIsLoadedAsItsPlanSaysOrRefused(Cell cell) throws IOException {
        Path directory = cell.write(temporary.resolve("source"));

        switch (cell.bytes()) {
            case EMBED_ONLY -> {
                if (cell.tied()) {
                    assertLoads(cell, directory, Plan.TIE);
                } else {
                    assertRefused(directory, "the files hold only the input embedding");
                }
            }
            case HEAD_ONLY -> {
                if (cell.tied()) {
                    assertLoads(cell, directory, Plan.TIE_FROM_HEAD);
                } else {
                    assertRefused(directory, "the files hold only the head");
                }
            }
            case BOTH_EQUAL -> assertLoads(cell, directory, cell.tied() ? Plan.TIE_AND_DROP_DUPLICATE : Plan.SEPARATE);
            case BOTH_DIFFER -> {
                if (cell.tied()) {
                    assertRefused(
                            directory,
                            "the files hold both, with different values (2 of 128 rows differ, the first is row 5,"
                                    + " the largest difference is 0.5000)");
                } else {
                    assertLoads(cell, directory, Plan.SEPARATE);
                }
            }
            case SHAPE_MISMATCH ->
                assertRefused(
                        directory,
                        cell.tied()
                                ? "both, with different shapes ('lm_head.weight' [100, 32] and '" + cell.embedding()
                                        + "' [128, 32])"
                                : "'lm_head.weight' of shape [100, 32] cannot fill 'lm_head.weight' of shape [128, 32]");
            case NEITHER -> assertRefused(directory, "neither the head nor the input embedding");
        }
    }

    /// One truth: what the audit says of Bowline is what a load does.
    @ParameterizedTest
    @MethodSource("cells")
    void theAuditForeseesTheLoad(Cell cell) throws IOException {
        Path directory = cell.write(temporary.resolve("source"));
        Outcome foreseen = TieAudit.of(directory, AuditOptions.NONE.with(new AutoModelLoad()))
                .consumer(Consumer.BOWLINE)
                .outcome();

        Outcome did;
        try (Pretrained pretrained = AutoModel.fromPretrained(directory)) {
            did = TiedWeights.hasLocalTiedLmHead(pretrained.model()) ? Outcome.TIED : Outcome.UNTIED;
        } catch (BowlineException refused) {
            did = Outcome.FAILS;
        }

        assertEquals(did, foreseen);
    }

    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "dense_kv"})
    void aFlagThatWasFlippedInTheRequestIsRefusedWithAllThreeValues(String variant) throws IOException {
        Path directory = new TinyCheckpoint(temporary.resolve("source"), variant)
                .with("lm_head.weight", "model.language_model.embed_tokens.weight")
                .write();
        try (Checkpoint checkpoint = Checkpoint.open(directory);
                LanguageModel model = AutoModel.fromConfig(checkpoint.config().with("tie_word_embeddings", false))) {
            BowlineException refused =
                    assertThrows(BowlineException.class, () -> CheckpointLoader.load(checkpoint, model));

            assertEquals(
                    "the model is built with a separate head (tie_word_embeddings), but in " + directory
                            + " config.json asks for a tied head (tie_word_embeddings is true), and the files hold"
                            + " both, bitwise equal",
                    refused.problem());
            assertTrue(
                    model.parameters().values().stream().noneMatch(Parameter::isMaterialized), "something was loaded");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "dense_kv"})
    void aDivergedHeadIsRefusedBeforeAnyByteIsCopied(String variant) throws IOException {
        Path directory = new Cell(HeadBytes.BOTH_DIFFER, true, variant, false).write(temporary.resolve("source"));
        try (Checkpoint checkpoint = Checkpoint.open(directory);
                LanguageModel model = AutoModel.fromConfig(checkpoint.config())) {
            assertThrows(BowlineException.class, () -> CheckpointLoader.load(checkpoint, model));

            assertTrue(
                    model.parameters().values().stream().noneMatch(Parameter::isMaterialized), "something was loaded");
        }
    }

    @Test
    void equalValuesInTwoTypesAreNotOneValue() throws IOException {
        Path directory = new TinyCheckpoint(temporary.resolve("source"), "dense_kv_bf16")
                .with("lm_head.weight", "model.language_model.embed_tokens.weight")
                .inFloat32("lm_head.weight")
                .write();

        assertRefused(directory, "stored as F32 and BF16");
    }

    @Test
    void aHeadUnderTheOtherPrefixIsNotMistakenForTheHead() throws IOException {
        Path directory = new TinyCheckpoint(temporary.resolve("source"), "moe_untied")
                .renamed(name -> name.equals("lm_head.weight") ? "model.lm_head.weight" : name)
                .write();

        assertRefused(directory, "the files hold only the input embedding");
    }

    private static void assertRefused(Path directory, String reason) {
        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> AutoModel.fromPretrained(directory).close());
        assertTrue(refused.problem().contains(reason), refused.getMessage());
    }

    /// Loads, and saves again as the head is; what was saved is loaded in the plain way.
    private void assertLoads(Cell cell, Path directory, Plan plan) throws IOException {
        Path saved = temporary.resolve("saved");
        try (Pretrained pretrained = AutoModel.fromPretrained(directory)) {
            assertEquals(plan, pretrained.report().ties().plan());
            assertEquals(cell.bytes(), pretrained.report().ties().bytes());
            assertEquals(cell.tied(), TiedWeights.hasLocalTiedLmHead(pretrained.model()));
            assertFalse(pretrained.report().filled().isEmpty());
            CheckpointSaver.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));
        }
        try (Pretrained again = AutoModel.fromPretrained(saved)) {
            assertEquals(
                    cell.tied() ? Plan.TIE : Plan.SEPARATE,
                    again.report().ties().plan());
            assertTrue(again.checkpoint().keys().contains(cell.embedding()));
        }
        if (!cell.sharded()) {
            byte[] before = Golden.read(directory.resolve("model.safetensors"))
                    .bytes(cell.bytes() == HeadBytes.HEAD_ONLY ? "lm_head.weight" : cell.embedding());
            byte[] after = Golden.read(saved.resolve("model.safetensors")).bytes(cell.embedding());
            org.junit.jupiter.api.Assertions.assertArrayEquals(before, after);
        }
    }
}
