package dev.bowline.adapter;

import dev.bowline.adapter.AdaptedModule.EmbeddingPair;
import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.adapter.format.AdapterKey.Part;
import dev.bowline.adapter.format.LoraConfig.LoraAInit;
import dev.bowline.nn.Embedding;
import dev.bowline.nn.EmbeddingOperator;
import dev.bowline.nn.Linear;
import dev.bowline.nn.LinearOperator;
import dev.bowline.nn.LoraEmbedding;
import dev.bowline.nn.LoraLinear;
import dev.bowline.nn.LowRankPair;
import dev.bowline.nn.Slot;
import dev.bowline.nn.SlotRole;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RandomSource;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A pair of matrices on an embedding. A tied head that shares the pair reads the same two parameters,
/// transposed: training updates each once.
final class EmbeddingPart implements AdapterPart {

    private record SharingHead(Linear linear, LinearOperator base) {}

    private final EmbeddingPair module;
    private final Embedding embedding;
    private final EmbeddingOperator base;
    private final Optional<SharingHead> head;
    private final Slot a;
    private final Slot b;

    /// @param head the head that shares the pair
    EmbeddingPart(EmbeddingPair module, Embedding embedding, Optional<Linear> head) {
        this.module = module;
        this.embedding = embedding;
        base = embedding.operator();
        this.head = head.map(linear -> new SharingHead(linear, linear.operator()));
        a = new Slot(module.module() + ".lora_embedding_A", SlotRole.ADAPTER, module.rank(), module.vocabulary());
        b = new Slot(module.module() + ".lora_embedding_B", SlotRole.ADAPTER, module.width(), module.rank());
    }

    @Override
    public EmbeddingPair module() {
        return module;
    }

    @Override
    public List<Slot> slots() {
        return List.of(a, b);
    }

    /// A is zero, and B normal with a deviation of 1 (PEFT).
    @Override
    public void initialize(LoraAInit init, RandomSource random) {
        a.get().materialize(Ops.zeros(Device.CPU, Dtype.FLOAT32, a.shape()));
        b.get().materialize(random.normal(1, b.shape()));
    }

    @Override
    public void load(AdapterReader reader) {
        reader.fill(a, module.module(), Part.EMBEDDING_A);
        reader.fill(b, module.module(), Part.EMBEDDING_B);
        head.ifPresent(shared -> {
            reader.requireTransposed(b, module.module(), shared.linear().path(), Part.LORA_A);
            reader.requireTransposed(a, module.module(), shared.linear().path(), Part.LORA_B);
        });
    }

    /// PEFT's file has the matrices of a sharing head too.
    @Override
    public List<TensorSource> store(Arena arena) {
        List<TensorSource> tensors = new ArrayList<>(List.of(StoredValues.source(a), StoredValues.source(b)));
        head.ifPresent(shared -> {
            String prefix = AdapterKey.PREFIX + shared.linear().path();
            tensors.add(StoredValues.source(
                    prefix + ".lora_A.weight", b.tensor().detach().t()));
            tensors.add(StoredValues.source(
                    prefix + ".lora_B.weight", a.tensor().detach().t()));
        });
        return tensors;
    }

    @Override
    public void use() {
        embedding.replace(
                _ -> new LoraEmbedding(base, a, b, module.scale(), embedding.paddingId(), embedding::kernels));
        head.ifPresent(shared -> {
            LowRankPair pair = LowRankPair.ofEmbedding(a, b, module.scale());
            shared.linear().replace(_ -> new LoraLinear(shared.base(), pair, shared.linear()::kernels));
        });
    }

    @Override
    public void stop() {
        embedding.replace(_ -> base);
        head.ifPresent(shared -> shared.linear().replace(_ -> shared.base()));
    }
}
