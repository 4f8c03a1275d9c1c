package dev.bowline.adapter.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.adapter.format.AdapterFixtures;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.adapter.merge.Merge;
import dev.bowline.adapter.merge.MergeOptions;
import dev.bowline.adapter.merge.MergePlan;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.tensor.Dtype;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A merged checkpoint is verified by its files; a checkpoint that is something else is not.
class VerifyTest {

    @TempDir
    private Path directory = Path.of("");

    @Test
    void aMergeIsVerified() {
        Path merged = merge("qwen3moe_experts", MergeOptions.DEFAULT);

        VerifyReport report = verify(merged, "qwen3moe_experts", Optional.empty());

        assertTrue(report.isSound(), report.toString());
        assertEquals(16, report.adapter().orElseThrow().expertDeltas());
        assertEquals(0, report.adapter().orElseThrow().zeroExpertDeltas());
        assertEquals(16, report.tensors().orElseThrow().changed());
        assertEquals(16, report.tensors().orElseThrow().changedExperts());
        assertTrue(report.logits().fromAdapter().orElseThrow() < 1e-5, report.toString());
    }

    @Test
    void aMergeIntoBfloat16AndAPartedHeadAreVerified() {
        MergeOptions options = MergeOptions.DEFAULT.with(TieMode.UNTIE).in(Dtype.BFLOAT16);
        Path merged = merge("llama_head", options);

        VerifyReport report = verify(merged, "llama_head", Optional.of(TieMode.UNTIE));

        assertTrue(report.isSound(), report.toString());
        assertTrue(report.tensors().orElseThrow().converted() > 0);
    }

    @Test
    void anAdapterIsVerified() {
        VerifyReport report = Verify.of(
                AdapterFixtures.directory("llama_dora"),
                AdapterFixtures.base("llama_dora"),
                Optional.empty(),
                Optional.empty());

        assertTrue(report.isSound(), report.toString());
        assertEquals(VerifyReport.Kind.ADAPTER, report.kind());
    }

    @Test
    void theBaseItselfIsNoMerge() {
        VerifyReport report = verify(AdapterFixtures.base("llama_linear"), "llama_linear", Optional.empty());

        assertFalse(report.isSound());
        assertTrue(
                report.problems().stream().anyMatch(problem -> problem.contains("has no effect")),
                report.problems().toString());
        assertTrue(
                report.problems().stream().anyMatch(problem -> problem.contains("21 tensors are targets")),
                report.problems().toString());
    }

    @Test
    void aMergeOfAnotherAdapterIsNotVerified() {
        Path merged = merge("llama_linear", MergeOptions.DEFAULT);

        VerifyReport report = verify(merged, "llama_rslora", Optional.empty());

        assertTrue(
                report.problems().stream()
                        .anyMatch(problem -> problem.startsWith("9 tensors changed that the adapter does not target")),
                report.problems().toString());
        assertTrue(
                report.problems().stream().anyMatch(problem -> problem.contains("KL divergence")),
                report.problems().toString());
    }

    @Test
    void anExpertWithTheValuesOfTheBaseIsNotMerged() throws IOException {
        Path merged = merge("qwen3moe_experts", MergeOptions.DEFAULT).resolve("model.safetensors");
        Path changed = directory.resolve("changed");
        Path base = AdapterFixtures.base("qwen3moe_experts").resolve("model.safetensors");
        try (SafetensorsFile before = SafetensorsFile.open(base);
                SafetensorsFile after = SafetensorsFile.open(merged)) {
            List<TensorSource> tensors = after.entries().keySet().stream()
                    .map(name -> TensorSource.of(name.contains("0.mlp.experts.3.down_proj") ? before : after, name))
                    .toList();
            SafetensorsWriter.create(changed, tensors, after.metadata(), Set.of());
        }
        Files.delete(merged);
        Files.move(changed, merged);

        VerifyReport report = verify(Objects.requireNonNull(merged.getParent()), "qwen3moe_experts", Optional.empty());

        assertEquals(15, report.tensors().orElseThrow().changedExperts());
        assertTrue(
                report.problems()
                        .contains("1 experts' matrices have a delta in the adapter and the values of the base: expert 3"
                                + " of 'model.layers.0.mlp.experts.down_proj'"),
                report.problems().toString());
    }

    private Path merge(String name, MergeOptions options) {
        Path target = directory.resolve(name);
        try (MergePlan plan = Merge.plan(AdapterFixtures.base(name), AdapterFixtures.directory(name), options)) {
            plan.write(target);
        }
        return target;
    }

    private static VerifyReport verify(Path checkpoint, String adapter, Optional<TieMode> tieMode) {
        return Verify.of(
                checkpoint, AdapterFixtures.base(adapter), Optional.of(AdapterFixtures.directory(adapter)), tieMode);
    }
}
