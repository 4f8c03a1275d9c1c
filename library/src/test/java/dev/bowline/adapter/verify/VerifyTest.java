package dev.bowline.adapter.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.adapter.format.AdapterFixtures;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.adapter.merge.Merge;
import dev.bowline.adapter.merge.MergeOptions;
import dev.bowline.adapter.merge.MergePlan;
import dev.bowline.tensor.Dtype;
import java.nio.file.Path;
import java.util.Optional;
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
        assertEquals(16, report.tensors().orElseThrow().changed());
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
