package dev.bowline.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.model.CausalLanguageModel;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// A process that dies while it saves leaves whole checkpoints, a LATEST that names one of them, and nothing that the
/// next save does not clear away.
class KilledSaveTest {

    private static final Path MODEL = Golden.directory("gemma4", "moe_tied");

    @TempDir
    private Path temporary;

    @ParameterizedTest
    @EnumSource(SaveStep.class)
    void aProcessThatEndsAtAnyStepOfASave(SaveStep where) throws Exception {
        Path run = begun();

        Process saving = start("halt", run, where.name());

        assertEquals(9, saving.waitFor());
        assertWhole(run, where.compareTo(SaveStep.LATEST_NAMED) >= 0 ? 2 : 1);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void aProcessThatIsKilledAtAnyMoment(long seed) throws Exception {
        Path run = begun();
        Process saving = start("forever", run);
        try (var out = saving.inputReader()) {
            assertEquals("saving", out.readLine());
            Thread.sleep(new Random(seed).nextInt(400));
            saving.destroyForcibly();
            assertTrue(saving.waitFor(10, TimeUnit.SECONDS));
        }

        int latest = TrainingCheckpoints.in(run, 2).list().getLast().step();
        int named = step(run);
        assertTrue(named == latest || named == latest - 1, "LATEST names %d of %d".formatted(named, latest));
        assertWhole(run, named);
    }

    @Test
    void aHalfWrittenLatestIsClearedAway() throws Exception {
        Path run = begun();
        Files.writeString(run.resolve(".LATEST.0123.partial"), "step_");

        assertWhole(run, 1);
    }

    private Path begun() {
        Path run = temporary.resolve("run");
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(MODEL)) {
            DyingSave.save(pretrained, run, 1, _ -> {});
        }
        return run;
    }

    private static Process start(String what, Path run, String... more) throws IOException {
        List<String> command =
                DyingSave.command(Stream.concat(Stream.of(what, MODEL.toString(), run.toString()), Stream.of(more))
                        .toArray(String[]::new));
        return new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
    }

    private static int step(Path run) throws IOException {
        String latest =
                Files.readString(run.resolve(TrainingCheckpoints.LATEST)).strip();
        return Integer.parseInt(latest.substring("step_".length()));
    }

    /// @param latest the step that a run goes on from
    private static void assertWhole(Path run, int latest) throws IOException {
        TrainingCheckpoints checkpoints = TrainingCheckpoints.in(run, 2);
        assertEquals(run.resolve("step_" + latest), checkpoints.latest().orElseThrow());
        for (TrainingCheckpoints.Saved saved : checkpoints.list()) {
            requireLoads(saved);
        }
        int next = checkpoints.list().getLast().step() + 1;
        try (TensorScope _ = TensorScope.open();
                Pretrained resumed = AutoModel.fromPretrained(run.resolve("step_" + latest))) {
            DyingSave.save(resumed, run, next, _ -> {});
        }
        try (Stream<Path> names = Files.list(run)) {
            List<String> left = names.map(path -> path.getFileName().toString())
                    .filter(name -> name.startsWith("."))
                    .toList();
            assertEquals(List.of(), left);
        }
        assertEquals(run.resolve("step_" + next), checkpoints.latest().orElseThrow());
    }

    private static void requireLoads(TrainingCheckpoints.Saved saved) {
        try (TensorScope _ = TensorScope.open();
                TrainingCheckpoint opened = TrainingCheckpoint.open(saved.directory());
                CausalLanguageModel model =
                        AutoModel.fromConfig(opened.checkpoint().config())) {
            opened.checkpoint().load(model);
            assertEquals(saved.step(), opened.step());
            Tensors.requireFirst(opened.state(model), saved.step());
        }
    }

    /// Reads what [DyingSave] wrote into the training state.
    private static final class Tensors {
        static void requireFirst(TrainingState state, int step) {
            var moment = state.tensors().get(DyingSave.EMBEDDING + ".exp_avg");
            assertTrue(moment != null);
            assertEquals(step, moment.select(0, 0).item_float());
        }
    }
}
