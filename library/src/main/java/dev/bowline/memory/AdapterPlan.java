package dev.bowline.memory;

import dev.bowline.adapter.AdaptedModule;
import dev.bowline.model.Component;
import dev.bowline.optim.OptimizerSettings;
import dev.bowline.tensor.Dtype;
import java.util.List;

/// The adapter that a fine-tuning trains. The base model is frozen.
///
/// @param modules that the adapter changes
/// @param dtype of the adapter's values
/// @param dropout true if the inputs of the adapter's matrices are dropped out, and kept
public record AdapterPlan(List<AdaptedModule> modules, Dtype dtype, Dropout dropout) {

    /// The copies of inputs that a dropout keeps for the backward pass.
    public enum Dropout {
        NONE,
        /// The dropped input of every adapted linear.
        OF_INPUTS
    }

    public AdapterPlan {
        modules = List.copyOf(modules);
    }

    /// Weights, gradients and optimizer state of the values for one module.
    MemoryEstimate.Part part(Component component, AdaptedModule module, OptimizerSettings optimizer) {
        long values = module.trainedValues() * dtype.bytes();
        long state = shapes(module).stream()
                .mapToLong(shape -> optimizer.stateBytes(dtype, shape))
                .sum();
        return new MemoryEstimate.Part(component, values, values, state);
    }

    /// The shapes of the parameters for one module.
    private static List<long[]> shapes(AdaptedModule module) {
        return switch (module) {
            case AdaptedModule.LinearPair pair -> {
                long[] a = {pair.rank(), pair.in()};
                long[] b = {pair.out(), pair.rank()};
                yield switch (pair.variant()) {
                    case LORA -> List.of(a, b);
                    case DORA -> List.of(a, b, new long[] {pair.out()});
                };
            }
            case AdaptedModule.ExpertPairs pairs ->
                List.of(
                        new long[] {pairs.experts(), pairs.rank(), pairs.in()},
                        new long[] {pairs.experts(), pairs.out(), pairs.rank()});
            case AdaptedModule.EmbeddingPair pair ->
                List.of(new long[] {pair.rank(), pair.vocabulary()}, new long[] {pair.width(), pair.rank()});
            case AdaptedModule.SavedModule saved ->
                List.of(saved.shape().stream().mapToLong(Long::longValue).toArray());
            case AdaptedModule.TokenRows rows -> List.of(new long[] {rows.ids().size(), rows.width()});
        };
    }

    /// Values that one token keeps for the backward pass.
    ///
    /// @param expertsPerToken the experts that a token is sent to
    long keptValues(long expertsPerToken) {
        return modules.stream()
                .mapToLong(module -> kept(module, expertsPerToken))
                .sum();
    }

    private long kept(AdaptedModule module, long expertsPerToken) {
        return switch (module) {
            case AdaptedModule.LinearPair pair ->
                pair.rank()
                        + switch (dropout) {
                            case NONE -> 0;
                            case OF_INPUTS -> pair.in();
                        };
            case AdaptedModule.ExpertPairs pairs -> expertsPerToken * pairs.rank();
            case AdaptedModule.EmbeddingPair pair -> pair.rank();
            case AdaptedModule.SavedModule _, AdaptedModule.TokenRows _ -> 0;
        };
    }
}
