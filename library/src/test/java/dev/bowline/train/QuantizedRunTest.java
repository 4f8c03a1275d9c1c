package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.checkpoint.LoadReport;
import dev.bowline.memory.MemoryEstimate;
import dev.bowline.recipe.RecipeFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A recipe with `model.quantization` trains an adapter on a quantised base, and the estimate counts its bytes.
class QuantizedRunTest {

    private static final String[] LORA = {"peft.dim=4", "peft.alpha=8", "peft.target_modules=all-linear"};

    private final DemoRuns demo;

    QuantizedRunTest(@TempDir Path directory) {
        demo = new DemoRuns(directory);
    }

    @Test
    void anAdapterTrainsOnTheQuantisedBase() throws IOException {
        try (FineTuningRun run = demo.open(
                "run", "bfloat16", DemoRuns.with(LORA, "model.quantization=nf4", "step_scheduler.max_steps=2"))) {
            LoadReport report = run.loadReport();
            long dense = report.filled().stream()
                    .filter(each -> each.placement() == LoadReport.Placement.QUANTIZED)
                    .map(each -> Objects.requireNonNull(
                            run.tuning().model().parameters().get(each.slot())))
                    .mapToLong(parameter -> 2 * parameter.elements())
                    .sum();
            assertTrue(dense > 2_000_000, "bytes of the linears in bfloat16");
            assertTrue(report.quantizedBytes() < 0.27 * dense, "bytes of the linears in nf4");
            assertEquals(report.quantizedBytes(), weights("model.quantization=nf4") - weights());

            RunReport ran = run.run(RunListener.silent());

            ran.updates().stream()
                    .filter(update -> update.trained() > 0)
                    .forEach(update -> assertTrue(update.relative() > 0 && update.relative() < 1, update::toString));
            assertTrue(run.tuning().model().trainable().keySet().stream().allMatch(name -> name.contains(".lora_")));
        }
    }

    /// The estimated bytes of the weights in memory that are not mapped.
    private static long weights(String... more) {
        List<String> settings = new ArrayList<>(List.of(LORA));
        settings.add("model.torch_dtype=bfloat16");
        settings.addAll(List.of(more));
        return RecipeMemory.of(RecipeFile.load(DemoRuns.RECIPE, settings)).estimate().parts().stream()
                .mapToLong(MemoryEstimate.Part::weights)
                .sum();
    }
}
