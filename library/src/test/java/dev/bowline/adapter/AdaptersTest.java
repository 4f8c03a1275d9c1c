package dev.bowline.adapter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.adapter.AdaptedModule.EmbeddingPair;
import dev.bowline.adapter.AdaptedModule.ExpertPairs;
import dev.bowline.adapter.AdaptedModule.LinearPair;
import dev.bowline.adapter.AdaptedModule.SavedModule;
import dev.bowline.adapter.AdaptedModule.TokenRows;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterFixtures;
import dev.bowline.adapter.format.AdapterRecord;
import dev.bowline.adapter.format.BaseIdentity;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.LoraConfig.DropoutPosition;
import dev.bowline.adapter.format.LoraConfig.LoraAInit;
import dev.bowline.adapter.format.LoraConfig.Scaling;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.adapter.format.LoraConfig.Variant;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.ActivationCheckpointing;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Sequences;
import dev.bowline.nn.Slot;
import dev.bowline.nn.SlotRole;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RandomSource;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Adapters are attached to a model, switched and detached; the base stays as it is.
class AdaptersTest {

    private static final LoraConfig ALL_LINEAR = LoraConfig.of(4, 8, new ModulePatterns.AllLinear());

    @ParameterizedTest
    @ValueSource(strings = {"gemma4/moe_tied", "families/qwen3moe/normalised", "families/phi3/longrope_within"})
    void aNewAdapterChangesNothingUntilItIsTrained(String fixture) {
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("", fixture))) {
            LanguageModel model = pretrained.model();
            Tensor before = logits(model);

            Adapter adapter = Adapters.of(model).create("new", ALL_LINEAR, 1);

            assertTrue(before.equal(logits(model)));
            assertEquals(adapter.slots().keySet(), model.trainable().keySet());
            assertEquals(adapter.slots().keySet(), model.slots(SlotRole.ADAPTER).keySet());
        }
    }

    @Test
    void theModelComputesWithTheAdapterInUseOnly() {
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("families/llama", "tied"))) {
            LanguageModel model = pretrained.model();
            Adapters adapters = Adapters.of(model);
            Tensor base = logits(model);
            fill(adapters.create("first", ALL_LINEAR, 1), 1);
            Tensor first = logits(model);
            fill(adapters.create("second", ALL_LINEAR, 2), 2);
            Tensor second = logits(model);

            adapters.use("first");
            assertTrue(first.equal(logits(model)));
            adapters.useNone();
            assertTrue(base.equal(logits(model)));
            adapters.use("second");
            assertTrue(second.equal(logits(model)));
            adapters.detach("second");
            assertTrue(base.equal(logits(model)));
            assertTrue(model.slots(SlotRole.ADAPTER).isEmpty());

            assertTrue(first.sub(base).abs().max().item_double() > 1e-2);
            assertTrue(second.sub(first).abs().max().item_double() > 1e-2);
            assertEquals(
                    List.of("first"), adapters.all().stream().map(Adapter::name).toList());
        }
    }

    /// An adapter that is attached and not in use would change the old decoder later.
    @Test
    void theDecoderOfAModelWithAnAdapterIsNotReplaced() {
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("families/llama", "tied"));
                Pretrained other = AutoModel.fromPretrained(Golden.directory("families/llama", "tied"))) {
            Adapters adapters = Adapters.of(pretrained.model());
            adapters.create("only", ALL_LINEAR, 1);
            adapters.useNone();

            BowlineException refused = assertThrows(
                    BowlineException.class, () -> pretrained.model().replaceLanguageModel(other.model()));

            assertTrue(refused.problem().contains("an adapter is attached to a LlamaForCausalLM"), refused.problem());
            adapters.detach("only");
            pretrained.model().replaceLanguageModel(other.model());
        }
    }

    @Test
    void aNameIsGivenOnce() {
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("families/llama", "tied"))) {
            Adapters adapters = Adapters.of(pretrained.model());
            Adapter only = adapters.create("only", ALL_LINEAR, 1);

            BowlineException refused = assertThrows(
                    BowlineException.class,
                    () -> Adapters.of(pretrained.model()).create("only", ALL_LINEAR, 2));

            assertTrue(refused.problem().contains("'only' is already attached"), refused.problem());
            assertEquals(only, adapters.active().orElseThrow());
            assertEquals(
                    Set.copyOf(only.slots().keySet()),
                    pretrained.model().trainable().keySet());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma4/moe_tied", "families/qwen3moe/normalised", "families/phi3/longrope_within"})
    void aSavedAdapterIsAttachedWithTheSameResults(String fixture, @TempDir Path directory) {
        Path checkpoint = Golden.directory("", fixture);
        Path saved = directory.resolve("adapter");
        AdapterRecord record = AdapterRecord.of("base", new BaseIdentity(new TreeMap<>()), LoraConfig.TieMode.UNCHOSEN);
        try (TensorScope _ = TensorScope.open();
                Pretrained trained = AutoModel.fromPretrained(checkpoint);
                Pretrained fresh = AutoModel.fromPretrained(checkpoint)) {
            Adapter adapter = Adapters.of(trained.model()).create("trained", ALL_LINEAR, 1);
            fill(adapter, 1);
            adapter.save(saved, record);

            Adapter attached;
            try (AdapterFiles files = AdapterFiles.open(saved)) {
                attached = Adapters.of(fresh.model()).attach("again", files);
            }

            assertEquals(
                    Set.copyOf(adapter.slots().keySet()),
                    Set.copyOf(attached.slots().keySet()));
            assertEquals(Set.copyOf(adapter.modules()), Set.copyOf(attached.modules()));
            assertTrue(logits(trained.model()).equal(logits(fresh.model())));
        }
    }

    @ParameterizedTest
    @CsvSource({"PRE, LORA", "POST, LORA", "PRE, DORA"})
    void aDropoutIsTheSameInASecondRunAndOtherInAnotherStep(DropoutPosition position, Variant variant) {
        LoraConfig config = withDropout(position, variant);
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("families/llama", "tied"))) {
            LanguageModel model = pretrained.model();
            fill(Adapters.of(model).create("dropped", config, 1), 1);
            Tensor without = logits(model);
            Map<String, Tensor> first = gradients(model, ActivationCheckpointing.OFF, 3);
            Map<String, Tensor> again = gradients(model, ActivationCheckpointing.PER_LAYER, 3);
            Map<String, Tensor> next = gradients(model, ActivationCheckpointing.OFF, 4);

            assertTrue(without.equal(logits(model)));
            first.forEach((name, gradient) -> {
                assertTrue(gradient.equal(again.get(name)), name);
                assertFalse(gradient.equal(next.get(name)), name);
            });
        }
    }

    /// PEFT takes the names of a dense feed-forward for those of experts in a Qwen MoE model, so the file
    /// names its weights. With the names in target_modules PEFT 0.21 refused to load the tensors.
    @Test
    void aDenseFeedForwardBesideExpertsIsNamedByItsWeights() {
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("families/qwen3moe", "normalised"))) {
            LoraConfig saved =
                    Adapters.of(pretrained.model()).create("new", ALL_LINEAR, 1).savedConfig();

            assertEquals(
                    new ModulePatterns.Named(List.of("k_proj", "o_proj", "q_proj", "v_proj")), saved.targetModules());
            assertEquals(
                    List.of("down_proj", "down_proj.weight", "gate_proj.weight", "gate_up_proj", "up_proj.weight"),
                    saved.targetParameters());
        }
    }

    private static LoraConfig withDropout(DropoutPosition position, Variant variant) {
        return new LoraConfig(
                4,
                8,
                0.3,
                position,
                Scaling.LORA,
                variant,
                LoraAInit.KAIMING,
                new ModulePatterns.AllLinear(),
                ModulePatterns.NONE,
                List.of(),
                List.of(),
                new LinkedHashMap<>(),
                new LinkedHashMap<>(),
                new LinkedHashMap<>(),
                TieMode.UNCHOSEN);
    }

    private static Map<String, Tensor> gradients(
            LanguageModel model, ActivationCheckpointing checkpointing, long step) {
        model.useActivationCheckpointing(checkpointing);
        model.trainable().values().forEach(Parameter::clearGradient);
        try (DropoutPass _ = Adapters.of(model).dropoutPass(9, step, 0)) {
            Tensor y = model.hiddenStates(ids(), Sequences.causal(1, 6), Optional.empty());
            Ops.backward(y, torch.ones_like(y));
        }
        Map<String, Tensor> gradients = new LinkedHashMap<>();
        model.trainable().forEach((name, parameter) -> gradients.put(name, parameter.gradientBuffer()));
        return gradients;
    }

    /// Values of W + scale B A in place of an adapter have its logits, and attached adapters take no more
    /// memory than their own values: the base is one mapping for all of them.
    @Test
    void threeAdaptersOnOneMappedBaseAreThreeMergedModels() {
        Path checkpoint = Golden.directory("gemma4", "moe_tied");
        try (TensorScope _ = TensorScope.open();
                Pretrained shared = AutoModel.fromPretrained(checkpoint, AutoModel.Options.forInference())) {
            LanguageModel model = shared.model();
            Adapters adapters = Adapters.of(model);
            Map<String, Long> addresses = addresses(model);
            long base = storedBytes(model);
            List<String> names = List.of("a", "b", "c");
            for (int i = 0; i < names.size(); i++) {
                fill(adapters.create(names.get(i), ALL_LINEAR, i), i);
            }

            long ofAdapters = adapters.all().stream()
                    .mapToLong(adapter -> adapter.trainedValues() * Float.BYTES)
                    .sum();
            adapters.useNone();
            assertEquals(addresses, addresses(model));
            assertEquals(base, storedBytes(model));
            assertEquals(
                    ofAdapters,
                    adapters.all().stream()
                            .flatMap(adapter -> adapter.slots().values().stream())
                            .mapToLong(slot -> slot.tensor().nbytes())
                            .sum());
            for (Adapter adapter : adapters.all()) {
                adapters.use(adapter.name());
                try (Pretrained other = AutoModel.fromPretrained(checkpoint)) {
                    merge(adapter, other.model());
                    double distance =
                            logits(model).sub(logits(other.model())).abs().max().item_double();
                    assertTrue(distance < 1e-3, adapter.name() + " is off by " + distance);
                }
            }
        }
    }

    private static Map<String, Long> addresses(LanguageModel model) {
        return model.parameters().entrySet().stream()
                .collect(Collectors.toMap(
                        Map.Entry::getKey,
                        entry -> entry.getValue().value().const_data_ptr().address()));
    }

    private static long storedBytes(LanguageModel model) {
        return model.parameters().values().stream()
                .mapToLong(parameter -> parameter.value().nbytes())
                .sum();
    }

    /// W += scale B A by plain arithmetic.
    private static void merge(Adapter adapter, LanguageModel model) {
        for (AdaptedModule module : adapter.modules()) {
            switch (module) {
                case LinearPair pair -> {
                    Tensor a = value(adapter, pair.module() + ".lora_A.weight");
                    Tensor b = value(adapter, pair.module() + ".lora_B.weight");
                    Tensor w = value(model, pair.module() + ".weight");
                    w.add_(b.mm(a), new Scalar(pair.scale()));
                }
                case ExpertPairs pairs -> {
                    String experts = pairs.module().substring(0, pairs.module().lastIndexOf('.'));
                    String wrapper = pairs.module().endsWith("gate_up_proj") ? experts + ".base_layer" : experts;
                    Tensor a = value(adapter, wrapper + ".lora_A.weight");
                    Tensor b = value(adapter, wrapper + ".lora_B.weight");
                    value(model, pairs.module()).add_(b.bmm(a), new Scalar(pairs.scale()));
                }
                case EmbeddingPair _, SavedModule _, TokenRows _ -> throw new AssertionError(module);
            }
        }
    }

    private static Tensor value(Adapter adapter, String slot) {
        return Objects.requireNonNull(adapter.slots().get(slot)).tensor().detach();
    }

    private static Tensor value(LanguageModel model, String slot) {
        return Objects.requireNonNull(model.slots().get(slot)).tensor().detach();
    }

    @Test
    void detachingFreesTheValues() {
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("families/llama", "tied"))) {
            Adapters adapters = Adapters.of(pretrained.model());
            long before = Pointer.totalCount();
            for (int i = 0; i < 5; i++) {
                LoraConfig config = i % 2 == 0 ? ALL_LINEAR : withDropout(DropoutPosition.PRE, Variant.DORA);
                Adapter adapter = adapters.create("short-lived", config, i);
                List<Parameter> values =
                        adapter.slots().values().stream().map(Slot::get).toList();
                adapters.detach("short-lived");
                values.forEach(value -> assertFalse(value.isMaterialized()));
            }

            assertTrue(Pointer.totalCount() <= before, Pointer.totalCount() + " handles, " + before + " before");
        }
    }

    @Test
    void anAdapterOfAnotherBaseIsRefusedAndTheModelStaysAsItWas() {
        try (TensorScope _ = TensorScope.open();
                AdapterFiles files = AdapterFiles.open(AdapterFixtures.directory("llama_linear"));
                Pretrained otherNames = AutoModel.fromPretrained(Golden.directory("gemma4", "moe_tied"));
                Pretrained otherShapes = AutoModel.fromPretrained(Golden.directory("families/qwen3", "tied"))) {
            for (Pretrained other : List.of(otherNames, otherShapes)) {
                Adapters adapters = Adapters.of(other.model());
                Adapter present = adapters.create("present", ALL_LINEAR, 1);
                fill(present, 3);
                Tensor before = logits(other.model());

                BowlineException refused =
                        assertThrows(BowlineException.class, () -> adapters.attach("foreign", files));

                assertTrue(refused.problem().contains("model.layers.0."), refused.problem());
                assertEquals(List.of(present), adapters.all());
                assertTrue(before.equal(logits(other.model())));
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"modules_to_save\": null                 | \"modules_to_save\": [\"lm_head\"]        | lm_head",
                "\"modules_to_save\": null                 | \"modules_to_save\": [\"norm\"]           | norm",
                "\"trainable_token_indices\": null         | \"trainable_token_indices\": [3]          | embed_tokens",
                "\"target_modules\": [                     | \"target_modules\": [ \"embed_tokens\",   | embed_tokens"
            })
    void anAdapterWithoutTheValuesOfAModuleThatItsSettingsNameIsRefused(
            String setting, String other, String name, @TempDir Path directory) throws IOException {
        Path source = AdapterFixtures.directory("llama_linear");
        String config = Files.readString(source.resolve("adapter_config.json"));
        assertTrue(config.contains(setting), setting);
        Files.writeString(directory.resolve("adapter_config.json"), config.replace(setting, other));
        Files.copy(source.resolve("adapter_model.safetensors"), directory.resolve("adapter_model.safetensors"));
        try (AdapterFiles files = AdapterFiles.open(directory);
                Pretrained pretrained = AutoModel.fromPretrained(AdapterFixtures.base("llama_linear"))) {
            Adapters adapters = Adapters.of(pretrained.model());

            BowlineException refused = assertThrows(BowlineException.class, () -> adapters.attach("part", files));

            assertTrue(refused.problem().contains("names '%s' in ".formatted(name)), refused.problem());
            assertEquals(List.of(), adapters.all());
        }
    }

    /// A loader that takes one of two changes of a module would ignore the other.
    @Test
    void anAdapterThatChangesAModuleInTwoWaysIsRefused(@TempDir Path directory) throws IOException {
        Path source = AdapterFixtures.directory("llama_linear");
        Files.copy(source.resolve("adapter_config.json"), directory.resolve("adapter_config.json"));
        String pair = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight";
        String copy = "base_model.model.model.layers.0.self_attn.q_proj.weight";
        try (SafetensorsFile file = SafetensorsFile.open(source.resolve("adapter_model.safetensors"))) {
            List<TensorSource> tensors = new ArrayList<>();
            file.entries().keySet().forEach(name -> tensors.add(TensorSource.of(file, name)));
            TensorSource first = TensorSource.of(file, pair);
            tensors.add(new TensorSource(copy, first.type(), first.shape(), file.bytes(pair)));
            SafetensorsWriter.write(directory.resolve("adapter_model.safetensors"), tensors);
        }
        try (AdapterFiles files = AdapterFiles.open(directory);
                Pretrained pretrained = AutoModel.fromPretrained(AdapterFixtures.base("llama_linear"))) {
            Adapters adapters = Adapters.of(pretrained.model());

            BowlineException refused = assertThrows(BowlineException.class, () -> adapters.attach("two", files));

            assertTrue(
                    refused.problem().contains("changes 'model.layers.0.self_attn.q_proj' twice"), refused.problem());
            assertEquals(List.of(), adapters.all());
        }
    }

    static void fill(Adapter adapter, long seed) {
        try (RandomSource random = RandomSource.seeded(seed)) {
            adapter.slots().values().forEach(slot -> slot.get().materialize(random.normal(0.3, slot.shape())));
        }
    }

    private static Tensor logits(LanguageModel model) {
        return model.logits(ids(), Sequences.causal(1, 6)).detach();
    }

    private static Tensor ids() {
        return HostTensors.of(new long[] {5, 9, 3, 7, 11, 4}, 1, 6);
    }
}
