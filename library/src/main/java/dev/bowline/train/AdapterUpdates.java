package dev.bowline.train;

import dev.bowline.adapter.AdaptedModule;
import dev.bowline.adapter.Adapter;
import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.checkpoint.WeightDistance;
import dev.bowline.model.Component;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Slot;
import dev.bowline.nn.SlotRole;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.Shapes;
import dev.bowline.tensor.TensorScope;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// The size of an adapter's deltas, by component, in relation to the adapted weights of the base: ‖ΔW‖ / ‖W‖.
final class AdapterUpdates {

    /// Elements whose squares are summed at once, so that nothing of a weight's size is allocated.
    private static final long CHUNK_ELEMENTS = 1L << 20;

    private static final String TOKEN_ROWS = ".token_adapter.trainable_tokens_delta";

    private final LanguageModel model;
    private final Adapter adapter;
    private final Map<Component, ComponentUpdate> counts = new EnumMap<>(Component.class);
    private final Map<Component, WeightDistance> sums = new EnumMap<>(Component.class);

    private AdapterUpdates(LanguageModel model, Adapter adapter) {
        this.model = model;
        this.adapter = adapter;
    }

    static List<ComponentUpdate> of(LanguageModel model, Adapter adapter) {
        AdapterUpdates updates = new AdapterUpdates(model, adapter);
        try (NoGradGuard _ = new NoGradGuard()) {
            updates.countBase();
            updates.addDeltas();
        }
        return updates.counts.values().stream()
                .map(each -> each.moved(updates.sums.getOrDefault(each.component(), WeightDistance.NONE)))
                .toList();
    }

    private void countBase() {
        model.parameters().forEach((name, parameter) -> {
            if (parameter.role() == SlotRole.BASE) {
                add(new ComponentUpdate(model.component(name), 0, parameter.elements(), 0));
            }
        });
    }

    private void add(ComponentUpdate count) {
        counts.merge(count.component(), count, ComponentUpdate::plus);
    }

    private void addDeltas() {
        SequencedMap<String, Map<AdapterKey.Part, Slot>> modules = new LinkedHashMap<>();
        adapter.slots()
                .forEach((name, slot) -> AdapterKey.of(AdapterKey.PREFIX + name).ifPresent(key -> {
                    modules.computeIfAbsent(key.module(), _ -> new EnumMap<>(AdapterKey.Part.class))
                            .put(key.part(), slot);
                    if (!slot.isTied()) {
                        add(new ComponentUpdate(
                                component(key.plainModule()), slot.get().elements(), 0, 0));
                    }
                }));
        modules.forEach((module, parts) -> addDelta(module.replace(".base_layer", ""), parts));
        for (AdaptedModule module : adapter.modules()) {
            WeightDistance stored = new WeightDistance(rows(module), storedSquares(module.module()));
            sums.merge(component(module.module()), stored, WeightDistance::plus);
        }
    }

    private Component component(String module) {
        return model.component(module + ".weight");
    }

    private Optional<Parameter> parameter(String module) {
        return Optional.ofNullable(model.slots().get(module + ".weight"))
                .or(() -> Optional.ofNullable(model.slots().get(module)))
                .map(Slot::get);
    }

    private Optional<Tensor> base(String module) {
        return parameter(module).filter(Parameter::isMaterialized).map(Parameter::value);
    }

    /// ‖W‖² of the stored weight.
    private double storedSquares(String module) {
        return parameter(module)
                .map(weight -> weight.quantization().isPresent()
                        ? weight.quantizedSquares()
                        : base(module).map(AdapterUpdates::squares).orElse(0.0))
                .orElse(0.0);
    }

    /// ‖rows − W‖² over rows of tokens; 0 for another module.
    private double rows(AdaptedModule module) {
        if (!(module instanceof AdaptedModule.TokenRows tokens)) {
            return 0;
        }
        Slot values = Objects.requireNonNull(adapter.slots().get(module.module() + TOKEN_ROWS));
        try (TensorScope _ = TensorScope.open()) {
            Tensor table = base(module.module()).orElseThrow().detach();
            double sum = 0;
            for (int row = 0; row < tokens.ids().size(); row++) {
                Tensor stored = table.narrow(0, tokens.ids().get(row), 1);
                sum += squares(values.tensor().detach().narrow(0, row, 1).sub(stored));
            }
            return sum;
        }
    }

    private void addDelta(String module, Map<AdapterKey.Part, Slot> parts) {
        double change = pair(parts, AdapterKey.Part.LORA_A, AdapterKey.Part.LORA_B) * Math.pow(scale(module), 2)
                + pair(parts, AdapterKey.Part.EMBEDDING_A, AdapterKey.Part.EMBEDDING_B) * Math.pow(scale(module), 2)
                + copy(module, parts);
        sums.merge(component(module), new WeightDistance(change, 0), WeightDistance::plus);
    }

    private double scale(String module) {
        return adapter.modules().stream()
                .filter(each -> each.module().equals(module) || each.module().startsWith(module + "."))
                .mapToDouble(each -> switch (each) {
                    case AdaptedModule.LinearPair pair -> pair.scale();
                    case AdaptedModule.ExpertPairs pairs -> pairs.scale();
                    case AdaptedModule.EmbeddingPair pair -> pair.scale();
                    case AdaptedModule.SavedModule _, AdaptedModule.TokenRows _ -> 1;
                })
                .findFirst()
                .orElse(1);
    }

    /// ‖B A‖² = Σ (Bᵀ B) ∘ (A Aᵀ), of one pair or of a stack of pairs.
    private static double pair(Map<AdapterKey.Part, Slot> parts, AdapterKey.Part first, AdapterKey.Part second) {
        if (!parts.containsKey(first) || !parts.containsKey(second)) {
            return 0;
        }
        try (TensorScope _ = TensorScope.open()) {
            Tensor a = Ops.cast(parts.get(first).tensor().detach(), Dtype.FLOAT32);
            Tensor b = Ops.cast(parts.get(second).tensor().detach(), Dtype.FLOAT32);
            double sum = 0;
            for (long rank = 0; rank < a.size(-2); rank++) {
                // Row `rank` of Bᵀ B and of A Aᵀ.
                Tensor left = b.mul(b.narrow(-1, rank, 1)).sum(-2);
                Tensor right = a.mul(a.narrow(-2, rank, 1)).sum(-1);
                sum += left.mul(right).sum().item_double();
            }
            return sum;
        }
    }

    /// ‖copy − W‖² of a module that is trained whole.
    private double copy(String module, Map<AdapterKey.Part, Slot> parts) {
        Slot copy = parts.get(AdapterKey.Part.COPY);
        Optional<Tensor> base = base(module);
        if (copy == null || base.isEmpty() || !Arrays.equals(copy.shape(), Shapes.of(base.get()))) {
            return 0;
        }
        try (TensorScope _ = TensorScope.open()) {
            return squares(copy.tensor().detach().sub(base.get().detach()));
        }
    }

    private static double squares(Tensor weight) {
        double sum = 0;
        try (TensorScope _ = TensorScope.open()) {
            Tensor values = weight.detach().flatten();
            for (long at = 0; at < values.numel(); at += CHUNK_ELEMENTS) {
                try (TensorScope _ = TensorScope.open()) {
                    Tensor part = Ops.cast(
                            values.narrow(0, at, Math.min(CHUNK_ELEMENTS, values.numel() - at)), Dtype.FLOAT32);
                    sum += part.dot(part).item_double();
                }
            }
        }
        return sum;
    }
}
