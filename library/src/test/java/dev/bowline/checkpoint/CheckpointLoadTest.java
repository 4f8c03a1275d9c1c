package dev.bowline.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.LoadReport.Placement;
import dev.bowline.fixtures.Golden;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.TiedWeights;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Sequences;
import dev.bowline.safetensors.TensorHash;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import dev.bowline.ties.TieFlag;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A load explains every key and every slot, and the model then computes what the checkpoint's maker computed.
class CheckpointLoadTest {

    /// It holds each of their values.
    @Test
    void float16IsComputedInFloat32(@TempDir Path directory) throws IOException {
        new TinyCheckpoint(directory, "dense_kv").asFloat16().write();

        try (Pretrained pretrained = AutoModel.fromPretrained(directory)) {
            assertEquals(Dtype.FLOAT32, pretrained.report().dtype());
            short[] stored = pretrained
                    .checkpoint()
                    .bytes("model.language_model.norm.weight")
                    .toArray(ValueLayout.JAVA_SHORT_UNALIGNED);
            Parameter norm =
                    Objects.requireNonNull(pretrained.model().parameters().get("model.language_model.norm.weight"));
            float[] loaded = HostTensors.bytes(norm.value()).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
            assertEquals(stored.length, loaded.length);
            for (int i = 0; i < stored.length; i++) {
                assertEquals(Float.float16ToFloat(stored[i]), loaded[i]);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "attention_bias",
                "dense_kv",
                "dense_kv_bf16",
                "dense_kv_legacy_config",
                "e2b_hub",
                "e2b_like",
                "e2b_like_bf16",
                "e4b_like",
                "flag_top_false_text_true",
                "flag_top_true_text_false",
                "moe_legacy_keys",
                "moe_tied",
                "moe_tied_bf16",
                "moe_unaligned",
                "moe_untied",
                "text_only",
                "text_only_prefix",
                "text_only_untied",
                "with_towers"
            })
    void everyKeyAndEverySlotIsExplainedAndEveryByteIsTheFiles(String variant) {
        Path directory = Golden.directory("gemma4", variant);
        Golden file = Golden.read(directory.resolve("model.safetensors"));

        try (Pretrained pretrained = AutoModel.fromPretrained(directory)) {
            LoadReport report = pretrained.report();
            Set<String> keys = new HashSet<>();
            report.filled().forEach(each -> keys.addAll(each.keys()));
            report.ignored().forEach(each -> keys.add(each.key()));
            report.passedThrough().forEach(each -> keys.add(each.key()));
            assertEquals(file.names(), keys);

            Set<String> slots = new HashSet<>();
            report.filled().forEach(each -> slots.add(each.slot()));
            report.tied().forEach(each -> slots.add(each.slot()));
            assertEquals(pretrained.model().slots().keySet(), slots);

            for (LoadReport.Filled each : report.filled()) {
                byte[] loaded = bytes(tensor(pretrained, each.slot()));
                assertArrayEquals(file.bytes(each.keys().getFirst()), loaded, each.slot());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "dense_kv"})
    void theLedgerHashesTheCanonicalTensorAsItStandsInTheFile(String variant) {
        Path directory = Golden.directory("gemma4", variant);
        try (Pretrained pretrained = AutoModel.fromPretrained(directory)) {
            var group = pretrained.report().ledger().groups().getFirst();

            assertEquals("model.language_model.embed_tokens.weight", group.canonical());
            assertEquals(List.of("lm_head.weight"), group.aliases());
            assertEquals(new TieFlag(true, TieFlag.Level.TOP), group.flag());
            assertTrue(TiedWeights.hasLocalTiedLmHead(pretrained.model()));
            String expected = TensorHash.of(java.lang.foreign.MemorySegment.ofArray(
                    Golden.read(directory.resolve("model.safetensors")).bytes(group.canonical())));
            assertEquals(Optional.of(expected), group.hashAtLoad());
        }
    }

    @Test
    void frozenWeightsLookIntoTheMapAndTrainedOnesAreRead() {
        Path directory = Golden.directory("gemma4", "moe_tied");
        AutoModel.Options frozen = AutoModel.Options.asStored()
                .freezing(model -> model.parameters().values().forEach(Parameter::freeze));

        try (Pretrained trained = AutoModel.fromPretrained(directory);
                Pretrained mapped = AutoModel.fromPretrained(directory, frozen)) {
            assertEquals(0, trained.report().mappedBytes());
            assertEquals(
                    trained.report().ownedBytes(),
                    mapped.report().ownedBytes() + mapped.report().mappedBytes());
            // Only the stored layer scalars are buffers: small, and so not worth a tie to the file.
            mapped.report().filled().stream()
                    .filter(each -> each.placement() == Placement.OWNED)
                    .forEach(each -> assertTrue(each.slot().endsWith("layer_scalar"), each.slot()));
            mapped.checkpoint().close();
            assertEquals(logits(trained.model()), logits(mapped.model()), 0);
        }
    }

    @Test
    void aMappedWeightIsCopiedWhenItIsUnfrozenSoThatTrainingCannotWriteToTheFile() {
        Path directory = Golden.directory("gemma4", "dense_kv");
        AutoModel.Options frozen = AutoModel.Options.asStored()
                .freezing(model -> model.parameters().values().forEach(Parameter::freeze));
        try (Pretrained pretrained = AutoModel.fromPretrained(directory, frozen)) {
            Parameter embedding = pretrained.model().inputEmbedding().get();
            byte[] before = bytes(embedding.value());

            embedding.unfreeze();
            try (var _ = TensorScope.open()) {
                embedding.value().detach().zero_();
            }

            assertArrayEquals(
                    before,
                    Golden.read(directory.resolve("model.safetensors"))
                            .bytes("model.language_model.embed_tokens.weight"));
            assertEquals(0, bytes(embedding.value())[0]);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "dense_kv"})
    void aCastLoadHoldsTheRoundedValuesAndStaysTied(String variant) {
        Path directory = Golden.directory("gemma4", variant);
        try (Pretrained pretrained = AutoModel.fromPretrained(
                        directory, AutoModel.Options.asStored().in(Dtype.BFLOAT16));
                var _ = TensorScope.open()) {
            assertEquals(Dtype.BFLOAT16, pretrained.report().dtype());
            assertTrue(TiedWeights.hasLocalTiedLmHead(pretrained.model()));
            Tensor expected = Golden.read(directory.resolve("model.safetensors"))
                    .tensor("model.language_model.norm.weight")
                    .to(Dtype.BFLOAT16.scalarType());
            assertArrayEquals(bytes(expected), bytes(tensor(pretrained, "model.language_model.norm.weight")));
        }
    }

    @Test
    @EnabledOnOs(value = OS.LINUX, disabledReason = "elsewhere nobody says which pages of a map are resident")
    void aLoadThatConvertsKeepsNoPagesOfTheFile() throws IOException {
        Path directory = Golden.directory("gemma4", "e2b_like");
        Path file = directory.resolve("model.safetensors");

        try (Checkpoint checkpoint = Checkpoint.open(directory);
                LanguageModel model = AutoModel.fromConfig(checkpoint.config())) {
            CheckpointLoader.load(checkpoint, model, Dtype.BFLOAT16);

            long kept = residentKib(file);
            assertTrue(kept << 10 < Files.size(file) / 2, kept + " KiB of the file are resident");
        }
    }

    private static long residentKib(Path file) throws IOException {
        long kib = 0;
        boolean ofFile = false;
        for (String line : Files.readAllLines(Path.of("/proc/self/smaps"))) {
            if (line.matches("[0-9a-f]+-[0-9a-f]+ .*")) {
                ofFile = line.endsWith(" " + file.toRealPath());
            } else if (ofFile && line.startsWith("Rss:")) {
                kib += Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        return kib;
    }

    @Test
    void deadKeysAndValuesOfSharedLayersAreIgnoredWithTheLayerTheyUse() {
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("gemma4", "e2b_hub"))) {
            assertEquals(9, pretrained.report().ignored().size());
            assertTrue(
                    pretrained.report().ignored().stream()
                            .allMatch(each ->
                                    each.reason().matches("layer \\d+ attends to the keys and values of layer \\d+")),
                    pretrained.report().ignored().toString());
        }
    }

    private static Tensor tensor(Pretrained pretrained, String slot) {
        return Objects.requireNonNull(pretrained.model().slots().get(slot)).tensor();
    }

    private static double logits(LanguageModel model) {
        try (var _ = TensorScope.open()) {
            Tensor logits = model.logits(
                    HostTensors.of(new long[] {3, 5, 7, 11}, 1, 4), Sequences.padded(new long[] {1, 1, 1, 1}, 1, 4));
            return logits.sum().item_double();
        }
    }

    private static byte[] bytes(Tensor tensor) {
        return HostTensors.bytes(tensor).toArray(ValueLayout.JAVA_BYTE);
    }
}
