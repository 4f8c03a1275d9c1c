package dev.bowline.adapter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterRecord;
import dev.bowline.adapter.format.BaseIdentity;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Sequences;
import dev.bowline.nn.SlotRole;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.RandomSource;
import dev.bowline.tensor.TensorScope;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
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

            assertEquals(adapter.slots().keySet(), attached.slots().keySet());
            assertEquals(Set.copyOf(adapter.modules()), Set.copyOf(attached.modules()));
            assertTrue(logits(trained.model()).equal(logits(fresh.model())));
        }
    }

    static void fill(Adapter adapter, long seed) {
        try (RandomSource random = RandomSource.seeded(seed)) {
            adapter.slots().values().forEach(slot -> slot.get().materialize(random.normal(0.3, slot.shape())));
        }
    }

    private static Tensor logits(LanguageModel model) {
        return model.logits(HostTensors.of(new long[] {5, 9, 3, 7, 11, 4}, 1, 6), Sequences.causal(1, 6))
                .detach();
    }
}
