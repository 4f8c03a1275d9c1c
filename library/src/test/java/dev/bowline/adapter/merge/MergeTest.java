package dev.bowline.adapter.merge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterFixtures;
import dev.bowline.adapter.format.AdapterRecord;
import dev.bowline.adapter.format.BaseIdentity;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.files.DurableFiles;
import dev.bowline.fixtures.disk.DyingDisk;
import dev.bowline.fixtures.disk.WatchedFileSystem;
import dev.bowline.json.JsonObject;
import dev.bowline.nn.Sequences;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.safetensors.WeightFiles;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// A merged checkpoint computes what PEFT computes with the adapter, and is like the base in everything else.
class MergeTest {

    /// The adapters of one of two tied modules, for which PEFT's own merge computes something else.
    private static final List<String> PARTED = List.of("llama_embedding", "llama_head", "llama_saved_parted");

    @TempDir
    private Path directory = Path.of("");

    static Stream<String> mergeable() {
        return AdapterFixtures.all().stream();
    }

    @ParameterizedTest
    @MethodSource("mergeable")
    void aMergeComputesTheLogitsOfPeft(String name) {
        JsonObject facts = AdapterFixtures.facts(name);
        MergeReport report =
                merge(name, PARTED.contains(name) ? MergeOptions.DEFAULT.with(TieMode.UNTIE) : MergeOptions.DEFAULT);

        String values = facts.optionalString("same_values_as").orElse(name);
        double ownMerge = AdapterFixtures.facts(values).requireDouble("merge_and_unload_difference");
        double allowed = Math.max(1e-5, ownMerge < 1e-3 ? 4 * ownMerge : 0);
        assertTrue(difference(values, directory.resolve("merged").resolve(name)) < allowed, report.toString());
        try (AdapterFiles files = AdapterFiles.open(AdapterFixtures.directory(name))) {
            assertEquals(files.tensors().size(), report.adapterTensors());
        }
        assertTrue(report.logits().effect() > 0.1, report.toString());
    }

    @Test
    void theMergeOfStackedExpertsHasTheTensorsOfTheBase() {
        merge("qwen3moe_experts", MergeOptions.DEFAULT);

        assertEquals(
                entries(AdapterFixtures.base("qwen3moe_experts")),
                entries(directory.resolve("merged").resolve("qwen3moe_experts")));
    }

    @Test
    void everyDeltaIsCounted() {
        MergeReport report = merge("qwen3moe_all_linear", MergeOptions.DEFAULT);

        MergeReport.Changes linears = Objects.requireNonNull(report.kinds().get(Kind.LINEAR));
        MergeReport.Changes experts = Objects.requireNonNull(report.kinds().get(Kind.EXPERTS));
        assertEquals(14, linears.modules());
        assertEquals(14, linears.deltas());
        assertEquals(4, experts.modules());
        assertEquals(16, experts.deltas());
        assertEquals(30, report.deltas());
    }

    @Test
    void aMergeIntoBfloat16SaysWhatRoundingLost() {
        Path small = scaled("llama_linear", 1e-3);
        MergeReport report =
                merge(small, AdapterFixtures.base("llama_linear"), MergeOptions.DEFAULT.in(Dtype.BFLOAT16));

        Rounding rounding = report.rounding();
        assertTrue(rounding.lost() > 0.1 && rounding.lost() < 10, rounding.toString());
        assertTrue(
                rounding.vanished() > rounding.changed() / 10 && rounding.vanished() < rounding.changed(),
                rounding.toString());
        assertTrue(report.logits().merged() < 1e-5, report.toString());
        assertTrue(report.logits().written() > 1e-4, report.toString());
        try (Checkpoint merged = Checkpoint.open(report.save().directory())) {
            merged.entries().values().forEach(entry -> assertEquals(SafetensorsType.BF16, entry.type()));
            assertEquals("bfloat16", merged.config().requireString("dtype"));
        }
    }

    @Test
    void aMergedCheckpointSaysWhatItIsMadeOfAndIsNotMergedAgain() {
        merge("llama_linear", MergeOptions.DEFAULT);

        Path merged = directory.resolve("merged").resolve("llama_linear");
        MergeRecord record = MergeRecord.read(merged).orElseThrow();
        assertEquals(21, record.deltas());
        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> Merge.plan(merged, AdapterFixtures.directory("llama_linear"), MergeOptions.DEFAULT));
        assertTrue(refused.problem().contains("is a merge of this adapter"), refused.problem());
    }

    @Test
    void anAdapterOfAnotherShapeIsRefusedWithTheTensor() {
        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> Merge.plan(
                        AdapterFixtures.base("qwen3_dora_rslora"),
                        AdapterFixtures.directory("phi3_fused"),
                        MergeOptions.DEFAULT));

        assertTrue(refused.problem().contains("layers.0.mlp.gate_up_proj"), refused.problem());
    }

    @Test
    void anAdapterOfAnotherBaseIsRefusedWithTheTensorThatDiffers() {
        Path adapter = scaled("llama_linear", 1);
        merge("llama_rslora", MergeOptions.DEFAULT);

        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> Merge.plan(directory.resolve("merged").resolve("llama_rslora"), adapter, MergeOptions.DEFAULT));

        assertTrue(
                refused.problem().contains("the base differs from it: 'model.layers.0.self_attn.k_proj.weight'"),
                refused.problem());
    }

    @Test
    void aTargetWithFilesIsLeftAsItIs() throws IOException {
        Path target = Files.createDirectory(directory.resolve("target"));
        Files.writeString(target.resolve("notes.txt"), "mine");
        try (MergePlan plan = Merge.plan(
                AdapterFixtures.base("llama_linear"),
                AdapterFixtures.directory("llama_linear"),
                MergeOptions.DEFAULT)) {
            assertThrows(BowlineException.class, () -> plan.write(target));
        }

        assertEquals(List.of(target), files());
        assertEquals("mine", Files.readString(target.resolve("notes.txt")));
    }

    @Test
    void aTargetBehindALinkIntoTheBaseIsRefused() throws IOException {
        Path base = Files.createDirectory(directory.resolve("base"));
        try (Stream<Path> all = Files.list(AdapterFixtures.base("llama_linear"))) {
            for (Path file : all.toList()) {
                Files.copy(file, base.resolve(file.getFileName()));
            }
        }
        Path link = Files.createSymbolicLink(directory.resolve("link"), base);
        try (MergePlan plan = Merge.plan(base, AdapterFixtures.directory("llama_linear"), MergeOptions.DEFAULT)) {
            BowlineException refused = assertThrows(
                    BowlineException.class, () -> plan.write(link.resolve("new").resolve("merged")));
            assertTrue(refused.problem().endsWith("is inside %s, which is read".formatted(base)), refused.problem());
        }
        assertTrue(Files.notExists(base.resolve("new")));
    }

    /// The process may be killed before or in the middle of every change to the disk.
    @Test
    void aMergeThatDiesLeavesAWholeResultOrNone() throws IOException {
        Path out = directory.resolve("out");
        Path target = out.resolve("merged");
        boolean written = false;
        int whole = 0;
        try (MergePlan plan = Merge.plan(
                AdapterFixtures.base("llama_linear"),
                AdapterFixtures.directory("llama_linear"),
                MergeOptions.DEFAULT)) {
            for (int after = 0; !written; after++) {
                DurableFiles.deleteRecursively(out);
                Files.createDirectories(out);
                try {
                    plan.write(WatchedFileSystem.watch(target, new DyingDisk(after, DyingDisk.LastWrite.HALF)));
                    written = true;
                } catch (DyingDisk.Died died) {
                    try (Stream<Path> left = Files.list(out)) {
                        List<Path> named = left.filter(
                                        path -> !path.getFileName().toString().startsWith("."))
                                .toList();
                        if (Files.exists(target)) {
                            whole++;
                            assertEquals(List.of(target), named, died.toString());
                            AutoModel.fromPretrained(target).close();
                        } else {
                            assertEquals(List.of(), named, died.toString());
                        }
                    }
                }
            }
        }
        assertTrue(whole <= 3, whole + " deaths with a result");
    }

    private MergeReport merge(String name, MergeOptions options) {
        return merge(AdapterFixtures.directory(name), AdapterFixtures.base(name), options);
    }

    private MergeReport merge(Path adapter, Path base, MergeOptions options) {
        try (MergePlan plan = Merge.plan(base, adapter, options)) {
            return plan.write(directory.resolve("merged").resolve(adapter.getFileName()));
        }
    }

    /// The adapter with every lora_B times `factor`, and with a record of its base.
    private Path scaled(String name, double factor) {
        Path copy = directory.resolve(name + "_scaled");
        try (AdapterFiles files = AdapterFiles.open(AdapterFixtures.directory(name));
                WeightFiles base = WeightFiles.open(AdapterFixtures.base(name));
                TensorScope _ = TensorScope.open()) {
            List<TensorSource> tensors = files.tensors().values().stream()
                    .map(entry -> scaled(files, entry, entry.name().contains("lora_B") ? factor : 1))
                    .toList();
            AdapterRecord record = AdapterRecord.of(name, BaseIdentity.of(base), TieMode.UNCHOSEN);
            AdapterFiles.write(copy, files.config(), record, tensors);
        }
        return copy;
    }

    private static TensorSource scaled(AdapterFiles files, TensorEntry entry, double factor) {
        long[] shape = entry.shape().stream().mapToLong(Long::longValue).toArray();
        Tensor values = HostTensors.copyOf(files.bytes(entry.name()), Dtype.FLOAT32, shape);
        return new TensorSource(
                entry.name(), entry.type(), entry.shape(), HostTensors.bytes(Ops.times(values, factor)));
    }

    /// The largest difference from PEFT's logits, relative to the largest of them.
    static double difference(String name, Path merged) {
        try (TensorScope _ = TensorScope.open();
                NoGradGuard _ = new NoGradGuard();
                SafetensorsFile reference =
                        SafetensorsFile.open(AdapterFixtures.directory(name).resolve("peft_reference.safetensors"));
                Pretrained pretrained = AutoModel.fromPretrained(
                        merged, AutoModel.Options.forInference().in(Dtype.FLOAT32))) {
            Tensor ids = tensor(reference, "input_ids", Dtype.INT64);
            Tensor expected = tensor(reference, "logits", Dtype.FLOAT32);
            Tensor found = pretrained.model().logits(ids, Sequences.causal((int) ids.size(0), (int) ids.size(1)));
            return found.sub(expected).abs().max().item_double()
                    / expected.abs().max().item_double();
        }
    }

    private static Tensor tensor(SafetensorsFile file, String name, Dtype dtype) {
        long[] shape =
                file.entry(name).shape().stream().mapToLong(Long::longValue).toArray();
        return HostTensors.copyOf(file.bytes(name), dtype, shape);
    }

    private static Map<String, String> entries(Path checkpoint) {
        Map<String, String> entries = new LinkedHashMap<>();
        try (Checkpoint open = Checkpoint.open(checkpoint)) {
            for (TensorEntry entry : open.entries().values()) {
                entries.put(entry.name(), entry.type() + " " + entry.shape());
            }
        }
        return entries;
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> all = Files.list(directory)) {
            return all.sorted().toList();
        }
    }
}
