package dev.bowline.adapter;

import dev.bowline.adapter.AdaptedModule.TokenRows;
import dev.bowline.adapter.format.AdapterKey.Part;
import dev.bowline.adapter.format.LoraConfig.LoraAInit;
import dev.bowline.nn.Embedding;
import dev.bowline.nn.EmbeddingOperator;
import dev.bowline.nn.Linear;
import dev.bowline.nn.LinearOperator;
import dev.bowline.nn.ReplacedRows;
import dev.bowline.nn.RowsEmbedding;
import dev.bowline.nn.RowsLinear;
import dev.bowline.nn.Slot;
import dev.bowline.nn.SlotRole;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RandomSource;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// Rows of an embedding, of a head, or of both if they are tied, with values of their own.
final class TokenRowsPart implements AdapterPart {

    private record InEmbedding(Embedding embedding, EmbeddingOperator base) {}

    private record InHead(Linear linear, LinearOperator base) {}

    private final TokenRows module;
    private final Optional<InEmbedding> embedding;
    private final Optional<InHead> head;
    private final Slot values;
    private final ReplacedRows rows;

    /// @param embedding the embedding whose rows are replaced
    /// @param head the head whose rows are replaced; the embedding's rows are its own if both are present
    TokenRowsPart(TokenRows module, Optional<Embedding> embedding, Optional<Linear> head) {
        this.module = module;
        this.embedding = embedding.map(layer -> new InEmbedding(layer, layer.operator()));
        this.head = head.map(linear -> new InHead(linear, linear.operator()));
        values = new Slot(
                module.module() + ".token_adapter.trainable_tokens_delta",
                SlotRole.ADAPTER,
                module.ids().size(),
                module.width());
        rows = new ReplacedRows(
                values, module.ids().stream().mapToLong(Long::longValue).toArray());
    }

    @Override
    public TokenRows module() {
        return module;
    }

    @Override
    public List<Slot> slots() {
        return List.of(values);
    }

    /// The rows of the base.
    @Override
    public void initialize(LoraAInit init, RandomSource random) {
        Tensor present = Ops.cast(ofBase(), Dtype.FLOAT32);
        values.get().materialize(present.clone());
    }

    @Override
    public void load(AdapterReader reader) {
        reader.fill(values, module.module(), Part.TOKENS);
    }

    @Override
    public List<TensorSource> store(Arena arena) {
        return List.of(StoredValues.source(values));
    }

    @Override
    public void use() {
        embedding.ifPresent(place -> place.embedding()
                .replace(_ ->
                        new RowsEmbedding(place.base(), rows, place.embedding().paddingId())));
        Supplier<Tensor> hidden = this::ofBase;
        head.ifPresent(place ->
                place.linear().replace(_ -> new RowsLinear(place.base(), rows, hidden, place.linear()::kernels)));
    }

    @Override
    public void stop() {
        embedding.ifPresent(place -> place.embedding().replace(_ -> place.base()));
        head.ifPresent(place -> place.linear().replace(_ -> place.base()));
    }

    /// The replaced rows of the base, without a graph: [n, D].
    private Tensor ofBase() {
        try (NoGradGuard _ = new NoGradGuard()) {
            if (embedding.isPresent()) {
                InEmbedding place = embedding.get();
                return place.base().forward(rows.ids(place.embedding().device()));
            }
            Linear linear = head.orElseThrow().linear();
            return linear.weight().tensor().detach().index_select(0, rows.ids(linear.device()));
        }
    }
}
