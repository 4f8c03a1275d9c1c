package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.adapter.AdapterSummary;
import dev.bowline.adapter.AdapterTargets;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.memory.MemoryEstimate;
import dev.bowline.memory.MemoryReport;
import dev.bowline.model.Component;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.KernelPolicy;
import dev.bowline.nn.Parameter;
import dev.bowline.optim.Optimizer;
import dev.bowline.platform.AvailableMemory;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.MatMul;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The memory estimate follows from shapes, counts a tied value once, and its advice saves what it says.
class RecipeMemoryTest {

    private static final Path RECIPE = Path.of("..", "examples", "demo.yaml");

    @Test
    void weightsGradientsAndMomentsAreThoseOfTheLoadedModel() {
        MemoryEstimate estimate = report(Long.MAX_VALUE).estimate();

        try (Pretrained pretrained = AutoModel.fromPretrained(
                recipe().model().pretrainedModel(), AutoModel.Options.asStored().in(Dtype.FLOAT32))) {
            long owned = pretrained.report().ownedBytes();
            long trained = pretrained.model().trainable().values().stream()
                    .mapToLong(Parameter::elements)
                    .sum();
            assertEquals(
                    owned,
                    estimate.parts().stream()
                            .mapToLong(MemoryEstimate.Part::weights)
                            .sum());
            assertEquals(
                    4 * trained,
                    estimate.parts().stream()
                            .mapToLong(MemoryEstimate.Part::gradients)
                            .sum());
            assertEquals(
                    8 * trained,
                    estimate.parts().stream()
                            .mapToLong(MemoryEstimate.Part::optimizer)
                            .sum());
        }
        assertTrue(
                estimate.parts().stream().noneMatch(part -> part.component() == Component.LM_HEAD),
                "a tied head is counted beside its embedding");
    }

    @Test
    void frozenWeightsStayInTheMapAndBfloat16HasMasters() {
        MemoryEstimate estimate = report(
                        Long.MAX_VALUE, "model.torch_dtype=bfloat16", "freeze_config.freeze_embeddings=true")
                .estimate();

        MemoryEstimate.Part embeddings = part(estimate, Component.EMBEDDINGS);
        MemoryEstimate.Part attention = part(estimate, Component.ATTENTION);
        assertEquals(0, embeddings.bytes());
        assertTrue(estimate.mapped() >= 1024 * 128 * 2, "mapped " + estimate.mapped());
        assertEquals(6 * attention.weights(), attention.optimizer());
    }

    /// An estimate is the sum of the tensors that the optimizer has, without the counters of steps.
    @ParameterizedTest
    @CsvSource({"float32,float32", "bfloat16,float32", "float32,bfloat16", "bfloat16,int8", "float32,int8"})
    void theOptimizerIsAskedForItsState(String dtype, String stateDtype) {
        String[] sets = {"model.torch_dtype=" + dtype, "optimizer.state_dtype=" + stateDtype};
        MemoryEstimate estimate = report(Long.MAX_VALUE, sets).estimate();
        Recipe recipe = recipe(sets);
        try (Pretrained pretrained = AutoModel.fromPretrained(
                        recipe.model().pretrainedModel(),
                        AutoModel.Options.asStored().in(Dtype.parse(dtype)));
                Optimizer optimizer = RecipePlan.settings(recipe.optimizer())
                        .create(pretrained.model().trainable(), KernelPolicy.FUSED_CPU)) {
            assertEquals(
                    optimizer.state().values().stream()
                            .filter(tensor -> tensor.dim() > 0)
                            .mapToLong(tensor -> tensor.numel()
                                    * Dtype.of(tensor.scalar_type()).bytes())
                            .sum(),
                    estimate.parts().stream()
                            .mapToLong(MemoryEstimate.Part::optimizer)
                            .sum());
        }
    }

    @Test
    void tooMuchIsRefusedWithThreeChangesThatSaveWhatTheySay() {
        MemoryReport whole = report(Long.MAX_VALUE);
        long needed = whole.estimate().total() - whole.estimate().process();
        MemoryReport tight = report(needed - (1 << 20));

        BowlineException refused = assertThrows(BowlineException.class, () -> tight.requireFits(Path.of("model")));

        assertEquals(3, tight.changes().size());
        for (MemoryReport.Change change : tight.changes()) {
            long after = report(Long.MAX_VALUE, change.set()).estimate().total();
            assertEquals(change.saves(), whole.estimate().total() - after, change.set());
            assertTrue(change.saves() >= 1 << 20, change + " is not enough");
            assertTrue(refused.fix().contains(change.set()), refused.fix());
        }
        assertTrue(refused.problem().contains("a test"), refused.problem());
        assertTrue(refused.fix().contains("requireMemory()"), refused.fix());
        assertFalse(refused.fix().contains("--"), "a program is told of options of the command line");
        assertTrue(whole.fits() && whole.changes().isEmpty());
    }

    @Test
    void anAdapterIsOfferedAndSavesWhatItSays() {
        List<String> small = List.of(
                "dataset.seq_length=64",
                "activation_checkpointing=true",
                "loss.chunk_size=64",
                "step_scheduler.local_batch_size=1",
                "model.torch_dtype=bfloat16");
        String set = "peft.match_all_linear=true";
        MemoryEstimate whole =
                report(Long.MAX_VALUE, small.toArray(String[]::new)).estimate();
        String[] withAdapter = Stream.concat(small.stream(), Stream.of(set)).toArray(String[]::new);
        long after = report(Long.MAX_VALUE, withAdapter).estimate().total();

        MemoryReport.Change change = report(whole.process() / 2, small.toArray(String[]::new)).changes().stream()
                .filter(each -> each.set().equals(set))
                .findFirst()
                .orElseThrow();

        assertEquals(whole.total() - after, change.saves());
        assertTrue(change.saves() > 1 << 20, change.toString());
        assertEquals(
                List.of(),
                report(1 << 20, withAdapter).changes().stream()
                        .filter(other -> other.set().equals(set))
                        .toList());
    }

    @Test
    void whereNothingIsLeftToChangeAMachineAndAModelAreNamed() {
        String[] smallest = {
            "dataset.seq_length=64",
            "activation_checkpointing=true",
            "loss.chunk_size=64",
            "step_scheduler.local_batch_size=1",
            "model.torch_dtype=bfloat16",
            "freeze_config.freeze_embeddings=true",
            "freeze_config.freeze_experts=true",
            "peft.match_all_linear=true"
        };
        MemoryEstimate estimate = report(Long.MAX_VALUE, smallest).estimate();
        long needed = estimate.total() - estimate.process();

        MemoryReport none = report(needed / 2, smallest);
        BowlineException refused = assertThrows(BowlineException.class, () -> none.requireFits(Path.of("model")));

        assertEquals(List.of(), none.changes());
        assertTrue(refused.fix().startsWith("use a machine with "), refused.fix());
    }

    /// With what the largest model takes for its parameters, the rest of the estimate just fits.
    @Test
    void theLargestModelIsTheOneThatFits() {
        MemoryReport whole = report(Long.MAX_VALUE);
        long ofParameters = whole.estimate().parts().stream()
                .mapToLong(MemoryEstimate.Part::bytes)
                .sum();
        long needed = whole.estimate().total() - whole.estimate().process();

        List<String> remedies = report(needed - ofParameters / 3).remedies(set -> set);

        long third = whole.parameters() - whole.parameters() / 3;
        assertTrue(remedies.getLast().contains("at most %,d million".formatted(third / 1_000_000)), remedies::toString);
    }

    /// The peak of three steps and a save of the demo in bfloat16, measured on an Intel Xeon with AMX: 791 MiB.
    @Test
    void whatOneDnnKeepsIsCountedWhereItMultipliesBfloat16() {
        MemoryEstimate estimate = report(Long.MAX_VALUE, "model.torch_dtype=bfloat16", "dataset.seq_length=40")
                .estimate();

        if (MatMul.isDirect(Dtype.BFLOAT16)) {
            assertTrue(estimate.total() > 791L << 20, "estimated " + estimate.total());
        } else {
            assertTrue(estimate.total() < 576L << 20, "estimated " + estimate.total());
        }
    }

    /// Seven float32 values for each logit of every token, in place of one for each of a chunk's.
    @Test
    void wholeLogitsAreCountedAsAutogradHoldsThem() {
        String small = "step_scheduler.local_batch_size=4";
        MemoryEstimate chunked = report(Long.MAX_VALUE, small).estimate();
        MemoryEstimate whole =
                report(Long.MAX_VALUE, small, "loss.full_logits=true").estimate();

        long vocabulary = 1024;
        assertEquals(vocabulary * 4 * (7 * 4 * 512 - 512), whole.loss() - chunked.loss());
    }

    private static MemoryEstimate.Part part(MemoryEstimate estimate, Component component) {
        return estimate.parts().stream()
                .filter(part -> part.component() == component)
                .findFirst()
                .orElseThrow();
    }

    private static Recipe recipe(String... sets) {
        return RecipeFile.load(RECIPE, List.of(sets)).recipe();
    }

    private static MemoryReport report(long available, String... more) {
        List<String> sets = new ArrayList<>(List.of("dataset.seq_length=512"));
        sets.addAll(List.of(more));
        Recipe recipe = recipe(sets.toArray(String[]::new));
        try (Checkpoint checkpoint = Checkpoint.open(recipe.model().pretrainedModel());
                LanguageModel model = AutoModel.fromConfig(checkpoint.config())) {
            int columns = recipe.dataset().seqLength();
            return RecipeMemory.of(
                    new RecipeMemory.Subject(
                            recipe,
                            recipe.peft()
                                    .map(peft -> AdapterSummary.of(model, AdapterTargets.resolve(model, peft.lora())))),
                    checkpoint,
                    model,
                    columns,
                    new AvailableMemory(available, "a test"));
        }
    }
}
