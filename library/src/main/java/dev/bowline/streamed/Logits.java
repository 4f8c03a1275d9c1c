package dev.bowline.streamed;

import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Sequences;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.Arrays;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// The logits of one text: a row of the vocabulary's length per token.
///
/// @param values [T, V] float32, owned by the scope in which they were computed
public record Logits(Tensor values) {

    private static final int SPREAD_TOKENS = 24;

    /// A prime, whose multiples spread the token ids over the vocabulary.
    private static final long STRIDE = 7919;

    /// Computes the logits of token ids.
    ///
    /// @param ids of one text
    /// @return owned by the caller's scope
    public static Logits of(LanguageModel model, long... ids) {
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope scope = TensorScope.open()) {
            Tensor input = HostTensors.of(ids, 1, ids.length);
            Tensor all = model.logits(input, Sequences.causal(1, ids.length));
            return new Logits(scope.escape(Ops.cast(all.select(0, 0), Dtype.FLOAT32)));
        }
    }

    /// Token ids from the whole vocabulary, for a comparison without a text.
    public static long[] spreadIds(LanguageModel model) {
        long[] ids = new long[Math.min(SPREAD_TOKENS, model.maxPositions())];
        Arrays.setAll(ids, i -> (i + 1) * STRIDE % model.vocabularySize());
        return ids;
    }

    /// The largest absolute difference of two logits.
    public double largestDifference(Logits other) {
        try (TensorScope _ = TensorScope.open()) {
            return values.sub(other.values).abs().max().item_double();
        }
    }

    /// The largest absolute difference of two logits, divided by the largest absolute logit of these.
    public double relativeDifference(Logits other) {
        double largest = largest();
        double difference = largestDifference(other);
        return difference == 0 ? 0 : difference / largest;
    }

    /// The largest absolute logit.
    public double largest() {
        try (TensorScope _ = TensorScope.open()) {
            return values.abs().max().item_double();
        }
    }

    /// The Kullback-Leibler divergence of the other next-token distributions from these, in nats: the mean over
    /// the tokens.
    public double divergence(Logits other) {
        long tokens = values.size(0);
        double sum = 0;
        for (long token = 0; token < tokens; token++) {
            try (TensorScope _ = TensorScope.open()) {
                Tensor p = wide(values.select(0, token)).log_softmax(0);
                Tensor q = wide(other.values.select(0, token)).log_softmax(0);
                sum += p.exp().mul(p.sub(q)).sum().item_double();
            }
        }
        return sum / tokens;
    }

    /// True if every logit is a finite number.
    public boolean isFinite() {
        try (TensorScope _ = TensorScope.open()) {
            return values.isfinite().all().item_bool();
        }
    }

    private static Tensor wide(Tensor x) {
        return Ops.cast(x, Dtype.FLOAT64);
    }
}
