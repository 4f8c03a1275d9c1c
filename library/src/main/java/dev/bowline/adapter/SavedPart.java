package dev.bowline.adapter;

import dev.bowline.adapter.AdaptedModule.SavedModule;
import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.adapter.format.AdapterKey.Part;
import dev.bowline.adapter.format.LoraConfig.LoraAInit;
import dev.bowline.nn.Embedding;
import dev.bowline.nn.EmbeddingOperator;
import dev.bowline.nn.Linear;
import dev.bowline.nn.LinearOperator;
import dev.bowline.nn.RmsNorm;
import dev.bowline.nn.SavedEmbedding;
import dev.bowline.nn.SavedLinear;
import dev.bowline.nn.Slot;
import dev.bowline.nn.SlotRole;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.RandomSource;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A module that is trained whole: a copy of its weight and bias, in the dtype of the base as in PEFT. Two tied
/// modules that are saved together use one copy.
final class SavedPart implements AdapterPart {

    /// A module that can compute with a copy.
    private sealed interface Place {

        void use(Slot weight, Optional<Slot> bias);

        void stop();
    }

    private record InEmbedding(Embedding embedding, EmbeddingOperator base) implements Place {

        @Override
        public void use(Slot weight, Optional<Slot> bias) {
            embedding.replace(_ -> new SavedEmbedding(base, base.withWeight(weight)));
        }

        @Override
        public void stop() {
            embedding.replace(_ -> base);
        }
    }

    private record InLinear(Linear linear, LinearOperator base) implements Place {

        @Override
        public void use(Slot weight, Optional<Slot> bias) {
            linear.replace(_ -> new SavedLinear(base, base.withWeights(weight, bias)));
        }

        @Override
        public void stop() {
            linear.replace(_ -> base);
        }
    }

    private record InNorm(RmsNorm norm) implements Place {

        @Override
        public void use(Slot weight, Optional<Slot> bias) {
            norm.useWeight(weight);
        }

        @Override
        public void stop() {
            norm.useStoredWeight();
        }
    }

    private static final String COPY = ".modules_to_save";

    private final SavedModule module;
    private final List<Place> places = new ArrayList<>();
    private final Optional<Linear> sharingHead;
    private final Slot baseWeight;
    private final Optional<Slot> baseBias;
    private final Slot weight;
    private final Optional<Slot> bias;

    private SavedPart(
            SavedModule module, Place place, Slot baseWeight, Optional<Slot> baseBias, Optional<Linear> sharingHead) {
        this.module = module;
        this.baseWeight = baseWeight;
        this.baseBias = baseBias;
        this.sharingHead = sharingHead;
        places.add(place);
        sharingHead.ifPresent(head -> places.add(new InLinear(head, head.operator())));
        weight = copyOf(baseWeight);
        bias = baseBias.map(SavedPart::copyOf);
    }

    /// @param sharingHead the tied head that uses the copy too
    static SavedPart of(SavedModule module, Embedding embedding, Optional<Linear> sharingHead) {
        Place place = new InEmbedding(embedding, embedding.operator());
        return new SavedPart(module, place, embedding.weight(), Optional.empty(), sharingHead);
    }

    static SavedPart of(SavedModule module, Linear linear) {
        Place place = new InLinear(linear, linear.operator());
        return new SavedPart(module, place, linear.weight(), linear.bias(), Optional.empty());
    }

    static SavedPart of(SavedModule module, RmsNorm norm) {
        return new SavedPart(module, new InNorm(norm), norm.weight().orElseThrow(), Optional.empty(), Optional.empty());
    }

    /// PEFT's name in the model, which no slot of the base has.
    private static Slot copyOf(Slot base) {
        int end = base.path().lastIndexOf('.');
        String path = base.path().substring(0, end) + COPY + base.path().substring(end);
        return new Slot(path, SlotRole.ADAPTER, base.shape());
    }

    @Override
    public SavedModule module() {
        return module;
    }

    @Override
    public List<Slot> slots() {
        List<Slot> slots = new ArrayList<>(List.of(weight));
        bias.ifPresent(slots::add);
        return slots;
    }

    @Override
    public void initialize(LoraAInit init, RandomSource random) {
        weight.get().materialize(baseWeight.tensor().detach().clone());
        bias.ifPresent(slot ->
                slot.get().materialize(baseBias.orElseThrow().tensor().detach().clone()));
    }

    /// The dtype of the base's values; float32 for an operator that has no values of its own.
    private static Dtype dtype(Slot base) {
        return base.get().isMaterialized() ? base.get().dtype() : Dtype.FLOAT32;
    }

    @Override
    public void load(AdapterReader reader) {
        reader.fill(weight, module.module(), Part.COPY, dtype(baseWeight));
        bias.ifPresent(slot -> reader.fill(slot, module.module(), Part.COPY_BIAS, dtype(baseBias.orElseThrow())));
        sharingHead.ifPresent(head -> reader.requireSame(module.module(), head.path(), Part.COPY));
    }

    /// Under the names of the base's tensors; a tied head's copy is written a second time, as PEFT does.
    @Override
    public List<TensorSource> store(Arena arena) {
        List<TensorSource> tensors = new ArrayList<>();
        slots().forEach(slot -> tensors.add(StoredValues.source(
                AdapterKey.PREFIX + slot.path().replace(COPY, ""), slot.tensor().detach())));
        sharingHead.ifPresent(head -> tensors.add(StoredValues.source(
                AdapterKey.PREFIX + head.path() + ".weight", weight.tensor().detach())));
        return tensors;
    }

    @Override
    public void use() {
        places.forEach(place -> place.use(weight, bias));
    }

    @Override
    public void stop() {
        places.forEach(Place::stop);
    }
}
