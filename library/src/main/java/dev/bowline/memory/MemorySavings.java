package dev.bowline.memory;

import dev.bowline.loss.ChunkedCrossEntropy;
import dev.bowline.loss.FullLogitsCrossEntropy;
import dev.bowline.memory.MemoryReport.Change;
import dev.bowline.model.Component;
import dev.bowline.nn.ActivationCheckpointing;
import dev.bowline.tensor.Dtype;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/// The changes to a recipe that save memory, and the bytes that each saves.
final class MemorySavings {

    private static final int SHOWN = 3;
    private static final int SMALL_CHUNK = 64;
    private static final int SHORTEST = 128;

    private final MemoryEstimator estimator;
    private final MemoryPlan plan;
    private final long available;
    private final long total;
    private final String lengthKey;
    private final Optional<AdapterOffer> offered;
    private final List<Change> changes = new ArrayList<>();

    private MemorySavings(
            MemoryEstimator estimator,
            MemoryPlan plan,
            long available,
            String lengthKey,
            Optional<AdapterOffer> offered) {
        this.estimator = estimator;
        this.plan = plan;
        this.available = available;
        this.lengthKey = lengthKey;
        this.offered = offered;
        total = estimator.of(plan).total();
    }

    /// The three cheapest changes: first those that suffice alone, by their effect on the result, the smallest
    /// effect first; then those that save most.
    ///
    /// @param lengthKey the key that bounds a row
    /// @param offered an adapter that could be trained instead
    static List<Change> of(
            MemoryEstimator estimator,
            MemoryPlan plan,
            long available,
            String lengthKey,
            Optional<AdapterOffer> offered) {
        MemorySavings changes = new MemorySavings(estimator, plan, available, lengthKey, offered);
        changes.collect();
        long excess = changes.total - available;
        List<Change> enough = changes.changes.stream()
                .filter(change -> change.saves() >= excess)
                .toList();
        List<Change> chosen = new ArrayList<>(enough);
        changes.changes.stream()
                .filter(change -> !enough.contains(change) && change.saves() > 0)
                .sorted(Comparator.comparingLong(Change::saves).reversed())
                .forEach(chosen::add);
        return chosen.subList(0, Math.min(SHOWN, chosen.size()));
    }

    /// Collects the changes by cost, the lowest first: time, then precision, then the data, then the set of
    /// trained parameters.
    private void collect() {
        switch (plan.loss()) {
            case FullLogitsCrossEntropy _ ->
                add("loss.full_logits=false", "the same loss", plan.with(new ChunkedCrossEntropy(SMALL_CHUNK * 8)));
            case ChunkedCrossEntropy chunked -> {
                int smaller = Math.max(SMALL_CHUNK, chunked.chunkTokens() / 4);
                if (smaller < chunked.chunkTokens()) {
                    add("loss.chunk_size=" + smaller, "the same loss", plan.with(new ChunkedCrossEntropy(smaller)));
                }
            }
        }
        if (plan.checkpointing() == ActivationCheckpointing.OFF) {
            add("activation_checkpointing=true", "the same step, slower", plan.with(ActivationCheckpointing.PER_LAYER));
        }
        if (plan.rows() > 1) {
            int fewer = smaller(divisors(plan.rows() * plan.microBatches()), plan::withRows);
            add("step_scheduler.local_batch_size=" + fewer, "the same step, slower", plan.withRows(fewer));
        }
        if (plan.dtype() == Dtype.FLOAT32) {
            add("model.torch_dtype=bfloat16", "less precision", plan.in(Dtype.BFLOAT16));
        }
        if (plan.columns() > SHORTEST) {
            int shorter = smaller(halves(), plan::withColumns);
            add(lengthKey + "=" + shorter, "dataset.truncation applies to longer examples", plan.withColumns(shorter));
        }
        freeze("freeze_config.freeze_embeddings=true", Component.EMBEDDINGS, Component.PER_LAYER_EMBEDDINGS);
        freeze("freeze_config.freeze_experts=true", Component.EXPERTS);
        if (plan.adapter().isEmpty()) {
            offered.ifPresent(offer -> add(offer.set(), "trains a LoRA adapter only", plan.adapting(offer.adapter())));
        }
    }

    private void freeze(String set, Component first, Component... more) {
        Set<Component> components = EnumSet.of(first, more);
        if (!plan.frozen().containsAll(components)) {
            add(set, "not trained", plan.freezing(components));
        }
    }

    private void add(String set, String note, MemoryPlan changed) {
        changes.add(new Change(set, note, total - estimator.of(changed).total()));
    }

    /// The first value that fits, else the last value.
    private int smaller(List<Integer> descending, Function<Integer, MemoryPlan> changed) {
        return descending.stream()
                .filter(value -> estimator.of(changed.apply(value)).total() <= available)
                .findFirst()
                .orElse(descending.getLast());
    }

    private List<Integer> divisors(int of) {
        List<Integer> divisors = new ArrayList<>();
        for (int rows = plan.rows() - 1; rows >= 1; rows--) {
            if (of % rows == 0) {
                divisors.add(rows);
            }
        }
        return divisors;
    }

    private List<Integer> halves() {
        List<Integer> halves = new ArrayList<>();
        for (int columns = plan.columns() / 2; columns >= SHORTEST; columns /= 2) {
            halves.add(columns);
        }
        return halves.isEmpty() ? List.of(SHORTEST) : halves;
    }
}
