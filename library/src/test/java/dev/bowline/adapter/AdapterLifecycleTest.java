package dev.bowline.adapter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterFixtures;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.LoraConfig.DropoutPosition;
import dev.bowline.adapter.format.LoraConfig.LoraAInit;
import dev.bowline.adapter.format.LoraConfig.Scaling;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.adapter.format.LoraConfig.Variant;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.CheckpointLoader;
import dev.bowline.fixtures.Golden;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Sequences;
import dev.bowline.nn.Slot;
import dev.bowline.quantization.Quantization;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RandomSource;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The life of adapters: what fails, is replaced or is in use leaves the model as it was.
class AdapterLifecycleTest {

    private static final Path LLAMA = Golden.directory("families/llama", "tied");
    private static final LoraConfig LORA = LoraConfig.of(4, 8, new ModulePatterns.AllLinear());
    private static final LoraConfig DORA = new LoraConfig(
            4,
            8,
            0,
            DropoutPosition.PRE,
            Scaling.LORA,
            Variant.DORA,
            LoraAInit.KAIMING,
            new ModulePatterns.AllLinear(),
            ModulePatterns.NONE,
            List.of(),
            List.of(),
            new LinkedHashMap<>(),
            new LinkedHashMap<>(),
            new LinkedHashMap<>(),
            TieMode.UNCHOSEN);

    private static LoraConfig settings(
            ModulePatterns targets, List<String> saved, LinkedHashMap<String, List<Long>> tokens) {
        return new LoraConfig(
                4,
                8,
                0,
                DropoutPosition.PRE,
                Scaling.LORA,
                Variant.LORA,
                LoraAInit.KAIMING,
                targets,
                ModulePatterns.NONE,
                List.of(),
                saved,
                new LinkedHashMap<>(),
                new LinkedHashMap<>(),
                tokens,
                TieMode.UNCHOSEN);
    }

    @Test
    void aNewDoraHasTheLengthsOfTheBaseWhileAnotherAdapterIsInUse() {
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(LLAMA)) {
            Adapters adapters = Adapters.of(pretrained.model());
            Adapter alone = adapters.create("alone", DORA, 2);
            AdaptersTest.fill(adapters.create("other", LORA, 1), 1);

            Adapter second = adapters.create("second", DORA, 2);

            alone.slots().forEach((name, slot) -> assertTrue(slot.tensor().equal(tensor(second, name)), name));
        }
    }

    @ParameterizedTest
    @EnumSource(Quantization.class)
    void doraTrainsOnAQuantisedBase(Quantization format) {
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(
                        LLAMA, AutoModel.Options.asStored().quantizing(format))) {
            LanguageModel model = pretrained.model();
            Tensor base = logits(model);

            Adapter adapter = Adapters.of(model).create("dora", DORA, 2);

            assertTrue(base.sub(logits(model)).abs().max().item_double() < 1e-4);
            String module = "model.layers.0.mlp.down_proj";
            Tensor values = Objects.requireNonNull(model.parameters().get(module + ".weight"))
                    .dequantized(Dtype.FLOAT32);
            Tensor lengths = tensor(adapter, module + ".lora_magnitude_vector");
            assertTrue(lengths.square().allclose(Ops.sumLast(values.square()).squeeze(1)));
        }
    }

    @Test
    void aDoraIsAttachedBeforeTheModelHasValues() {
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = AutoModel.fromConfig(LLAMA.resolve("config.json"));
                AdapterFiles files = AdapterFiles.open(AdapterFixtures.directory("llama_dora"));
                Pretrained loaded = AutoModel.fromPretrained(LLAMA);
                Checkpoint checkpoint = Checkpoint.open(LLAMA)) {
            Adapters.of(model).attach("dora", files);
            Adapters.of(loaded.model()).attach("dora", files);
            Adapters.of(model).useNone();

            CheckpointLoader.load(checkpoint, model);

            Adapters.of(model).use("dora");
            assertTrue(logits(loaded.model()).equal(logits(model)));
        }
    }

    @Test
    void aNewAdapterOfAModelWithoutValuesIsRefusedAndNothingIsAttached() {
        try (LanguageModel model = AutoModel.fromConfig(LLAMA.resolve("config.json"))) {
            Adapters adapters = Adapters.of(model);
            Adapter present = adapters.create("present", LORA, 1);
            long before = Pointer.totalCount();

            assertThrows(BowlineException.class, () -> adapters.create("dora", DORA, 2));

            assertTrue(Pointer.totalCount() <= before, Pointer.totalCount() + " handles, " + before + " before");
            assertEquals(List.of(present), adapters.all());
            assertEquals(Optional.of(present), adapters.active());
        }
    }

    @Test
    void anAdapterThatCannotBeUsedLeavesTheOneInUse() {
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(LLAMA)) {
            Adapters adapters = Adapters.of(pretrained.model());
            Adapter other = adapters.create("other", LORA, 1);
            AdaptersTest.fill(other, 1);
            Adapter used = adapters.create("used", LORA, 2);
            AdaptersTest.fill(used, 3);
            Tensor before = logits(pretrained.model());
            List<AdapterPart> parts = new ArrayList<>(other.parts());
            parts.add(new FailingPart(other.parts().getFirst()));
            Adapter broken = new Adapter(pretrained.model(), "broken", LORA, parts);

            assertThrows(IllegalStateException.class, () -> adapters.use(broken));

            assertEquals(Optional.of(used), adapters.active());
            assertTrue(before.equal(logits(pretrained.model())));
        }
    }

    /// A part whose device has no memory left.
    private record FailingPart(AdapterPart part) implements AdapterPart {

        @Override
        public AdaptedModule module() {
            return part.module();
        }

        @Override
        public List<Slot> slots() {
            return List.of();
        }

        @Override
        public void initialize(LoraConfig.LoraAInit init, RandomSource random) {}

        @Override
        public void load(AdapterReader reader) {}

        @Override
        public List<TensorSource> store(Arena arena) {
            return List.of();
        }

        @Override
        public void use() {
            throw new IllegalStateException("no memory left");
        }

        @Override
        public void stop() {}
    }

    @Test
    void aHeadThatNormalisesItsRowsIsTrainedWholeOrNotAtAll() {
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("families/baichuan2", "untied"))) {
            LanguageModel model = pretrained.model();
            Tensor base = logits(model);
            LinkedHashMap<String, List<Long>> rows = new LinkedHashMap<>(Map.of("lm_head", List.of(3L, 5L)));

            assertRefused("trainable_token_indices", model, settings(ModulePatterns.NONE, List.of(), rows));
            ModulePatterns head = new ModulePatterns.Named(List.of("lm_head"));
            assertRefused("target_modules", model, settings(head, List.of(), new LinkedHashMap<>()));

            Adapters.of(model)
                    .create("whole", settings(ModulePatterns.NONE, List.of("lm_head"), new LinkedHashMap<>()), 1);
            assertTrue(base.equal(logits(model)));
        }
    }

    private static void assertRefused(String setting, LanguageModel model, LoraConfig config) {
        AdapterSettingException refused = assertThrows(
                AdapterSettingException.class, () -> Adapters.of(model).create("head", config, 1));
        assertEquals(setting, refused.setting());
        assertTrue(refused.problem().contains("'lm_head' normalises the rows"), refused.problem());
    }

    @Test
    void anAdapterIsAttachedAfterTheDecoderWasReplaced() {
        try (Pretrained pretrained = AutoModel.fromPretrained(LLAMA);
                Pretrained other = AutoModel.fromPretrained(LLAMA)) {
            Adapters ofOther = Adapters.of(other.model());

            pretrained.model().replaceLanguageModel(other.model());

            assertNotEquals(ofOther, Adapters.of(pretrained.model()));
            Adapter adapter = Adapters.of(pretrained.model()).create("new", LORA, 1);
            assertEquals(List.of(adapter), Adapters.of(pretrained.model()).all());
        }
    }

    private static Tensor tensor(Adapter adapter, String slot) {
        return Objects.requireNonNull(adapter.slots().get(slot)).tensor();
    }

    private static Tensor logits(LanguageModel model) {
        Tensor ids = HostTensors.of(new long[] {5, 9, 3, 7, 11, 4}, 1, 6);
        return model.logits(ids, Sequences.causal(1, 6)).detach();
    }
}
