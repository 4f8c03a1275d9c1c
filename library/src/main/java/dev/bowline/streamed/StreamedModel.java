package dev.bowline.streamed;

import dev.bowline.catalog.AutoModel;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Embedding;
import dev.bowline.nn.Linear;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Slot;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;

/// Makes models that compute in float32 with weights that are read a few rows at a time, whatever the dtype
/// they are stored in. Such a model needs memory for the largest of its norms, biases and other vectors, for a
/// few rows and for its activations, and reads every weight from its file for every forward pass.
public final class StreamedModel {

    private final Function<String, Rows> weights;
    private final LanguageModel model;
    private final Set<Slot> streamed = new HashSet<>();

    private StreamedModel(LanguageModel model, Function<String, Rows> weights) {
        this.model = model;
        this.weights = weights;
    }

    /// A model for inference, which the caller closes before the owner of the rows.
    ///
    /// @param config a whole config.json
    /// @param weights the rows of every slot of the model by its path; a tied head's are not asked for
    public static LanguageModel of(JsonObject config, Function<String, Rows> weights) {
        LanguageModel model = AutoModel.fromConfig(config);
        try (TensorScope _ = TensorScope.open()) {
            model.parameters().values().forEach(Parameter::dedicateToInference);
            new StreamedModel(model, weights).fill();
            return model;
        } catch (RuntimeException e) {
            model.close();
            throw e;
        }
    }

    private void fill() {
        model.embeddings().values().forEach(this::stream);
        model.linears().values().forEach(this::stream);
        model.slots().values().forEach(slot -> {
            if (!slot.isTied() && !streamed.contains(slot)) {
                fill(slot);
            }
        });
    }

    private void fill(Slot slot) {
        Rows rows = weights.apply(slot.path());
        slot.get().materialize(rows.read(0, rows.count(), Dtype.FLOAT32).reshape(slot.shape()));
    }

    private void stream(Embedding embedding) {
        Rows table = weights.apply(embedding.weight().path());
        embedding.replace(old -> new StreamedEmbedding(table, old));
        streamed.add(embedding.weight());
    }

    private void stream(Linear linear) {
        Slot weight = linear.weight();
        Rows stored = weights.apply(weight.root().path());
        Rows own = isHead(linear) ? head(stored) : matrix(linear, stored);
        linear.replace(old -> new StreamedLinear(own, old, linear.bias()));
        streamed.add(weight);
    }

    private boolean isHead(Linear linear) {
        return linear.weight() == model.lmHead();
    }

    private Rows head(Rows stored) {
        return switch (model.decoder().config().style().head()) {
            case AS_STORED -> stored;
            case NORMALIZED -> new UnitRows(stored);
        };
    }

    /// The weight, or one matrix of a stack.
    private static Rows matrix(Linear linear, Rows stored) {
        long[] shape = linear.weight().shape();
        if (shape.length == 2) {
            return stored;
        }
        long index = Long.parseLong(linear.path().substring(linear.path().lastIndexOf('.') + 1));
        return stored.part(index * shape[1], shape[1]);
    }

    /// Rows divided by their lengths.
    private record UnitRows(Rows stored) implements Rows {

        @Override
        public long count() {
            return stored.count();
        }

        @Override
        public long width() {
            return stored.width();
        }

        @Override
        public Tensor read(long from, long count, Dtype dtype) {
            try (TensorScope scope = TensorScope.open()) {
                return scope.escape(Ops.unitRows(stored.read(from, count, dtype)));
            }
        }
    }
}
