package dev.bowline.adapter.merge;

import dev.bowline.BowlineException;
import dev.bowline.adapter.Adapters;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.streamed.Logits;
import dev.bowline.streamed.Rows;
import dev.bowline.streamed.StreamedCheckpoint;
import dev.bowline.streamed.StreamedModel;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;

/// Compares the logits of a merge in three forms: the base with the adapter, the merged weights before they are
/// rounded, and the written checkpoint, opened anew. Weights are read a few rows at a time.
final class LogitsCheck {

    /// The largest difference in terms of [#sensitivity]: an adapter adds its part of a product in another
    /// order at every module, and not only one rounding per weight.
    private static final double MARGIN = 8;

    private final StreamedCheckpoint base;
    private final AdapterFiles files;
    private final MergedWeights weights;
    private final long[] ids;

    LogitsCheck(StreamedCheckpoint base, AdapterFiles files, MergedWeights weights) {
        this.base = base;
        this.files = files;
        this.weights = weights;
        ids = ids(base.model(), files.config());
    }

    /// Token ids from the whole vocabulary, and some of those whose rows the adapter trained.
    private static long[] ids(LanguageModel model, LoraConfig config) {
        long[] chosen = Logits.spreadIds(model);
        List<Long> trained = config.trainableTokenIndices().values().stream()
                .flatMap(List::stream)
                .distinct()
                .limit(chosen.length / 2)
                .toList();
        for (int i = 0; i < trained.size(); i++) {
            chosen[i] = trained.get(i);
        }
        return chosen;
    }

    /// @param directory of the written checkpoint
    /// @param isRounded true if a merged weight has fewer bits than float32
    /// @throws BowlineException if the three differ
    LogitsComparison require(Path directory, boolean isRounded) {
        try (TensorScope _ = TensorScope.open();
                StreamedCheckpoint written = StreamedCheckpoint.open(directory)) {
            JsonObject config = base.config();
            JsonObject mergedConfig = written.checkpoint().config();
            Logits plain = logits(config, base::rows);
            Logits live = live(config);
            Logits merged = logits(mergedConfig, slot -> new WideRows(weights.rows(slot)));
            Logits read = logits(mergedConfig, written::rows);
            double difference = live.relativeDifference(merged);
            double allowed = difference <= LogitsComparison.TOLERANCE
                    ? LogitsComparison.TOLERANCE
                    : Math.max(LogitsComparison.TOLERANCE, MARGIN * sensitivity(mergedConfig, merged));
            LogitsComparison comparison = new LogitsComparison(
                    ids.length,
                    difference,
                    merged.relativeDifference(read),
                    plain.relativeDifference(live),
                    live.divergence(read),
                    allowed);
            require(comparison, isRounded);
            return comparison;
        }
    }

    /// The effect on the logits of one rounding of the merged weights in float32: the weights are merged in
    /// float32 in place of float64. A deep model with large weights multiplies such differences.
    private double sensitivity(JsonObject config, Logits merged) {
        return merged.relativeDifference(logits(config, weights::rows));
    }

    /// Rows that are computed in float64 and then rounded to what is asked for, as the written ones are.
    private record WideRows(Rows rows) implements Rows {

        @Override
        public long count() {
            return rows.count();
        }

        @Override
        public long width() {
            return rows.width();
        }

        @Override
        public Tensor read(long from, long count, Dtype dtype) {
            try (TensorScope scope = TensorScope.open()) {
                return scope.escape(Ops.cast(rows.read(from, count, Dtype.FLOAT64), dtype));
            }
        }
    }

    private void require(LogitsComparison found, boolean isRounded) {
        // Written this way round, a NaN is refused too.
        boolean isMerged = found.merged() <= found.allowed();
        boolean isRead = isRounded ? Double.isFinite(found.written()) : found.written() <= LogitsComparison.TOLERANCE;
        if (!isMerged || !isRead) {
            throw new BowlineException(
                    ("the merged weights compute other logits than the base with the adapter: the largest difference is"
                                    + " %.3g of the largest logit before and %.3g after the checkpoint was written, and"
                                    + " at most %.3g is allowed")
                            .formatted(found.merged(), found.written(), found.allowed()),
                    "nothing was written; report the case with the adapter's adapter_config.json and the base's"
                            + " config.json");
        }
    }

    private Logits logits(JsonObject config, Function<String, Rows> rows) {
        try (LanguageModel model = StreamedModel.of(config, rows)) {
            return Logits.of(model, ids);
        }
    }

    private Logits live(JsonObject settings) {
        try (LanguageModel model = StreamedModel.of(settings, base::rows)) {
            Adapters adapters = Adapters.of(model);
            adapters.attach("merged", files);
            adapters.use("merged");
            return Logits.of(model, ids);
        }
    }
}
