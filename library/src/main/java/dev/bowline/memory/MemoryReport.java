package dev.bowline.memory;

import dev.bowline.BowlineException;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Parameter;
import dev.bowline.platform.AvailableMemory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.UnaryOperator;

/// The memory that a fine-tuning takes at its peak, compared with the available memory.
///
/// @param estimate the memory at the peak
/// @param available the memory available now
/// @param changes the changes that save memory, if the memory does not suffice; empty if it suffices, or if no
///     change is left
/// @param parameters the number of parameters of the model
public record MemoryReport(MemoryEstimate estimate, AvailableMemory available, List<Change> changes, long parameters) {

    private static final long MILLION = 1_000_000;

    /// A change to the recipe.
    ///
    /// @param set `key=value`
    /// @param note the cost of the change
    /// @param saves the bytes saved, by the same estimate
    public record Change(String set, String note, long saves) {}

    public MemoryReport {
        changes = List.copyOf(changes);
    }

    /// @param model built from the checkpoint's config.json, without values
    /// @param lengthKey the recipe key that bounds a row
    /// @param offered an adapter that could be trained in place of the model, if the recipe allows one
    public static MemoryReport of(
            Checkpoint checkpoint,
            LanguageModel model,
            MemoryPlan plan,
            String lengthKey,
            Optional<AdapterOffer> offered,
            AvailableMemory available) {
        MemoryEstimator estimator = new MemoryEstimator(checkpoint, model);
        MemoryEstimate estimate = estimator.of(plan);
        List<Change> changes = needed(estimate) <= available.bytes()
                ? List.of()
                : MemorySavings.of(estimator, plan, available.bytes(), lengthKey, offered);
        long parameters = model.parameters().values().stream()
                .mapToLong(Parameter::elements)
                .sum();
        return new MemoryReport(estimate, available, changes, parameters);
    }

    /// The memory still to be allocated. The memory of the process itself is already allocated, and is not part
    /// of the available memory.
    private static long needed(MemoryEstimate estimate) {
        return estimate.total() - estimate.process();
    }

    /// Bytes still to be allocated.
    public long neededBytes() {
        return needed(estimate);
    }

    public boolean fits() {
        return neededBytes() <= available.bytes();
    }

    /// @throws BowlineException with the three cheapest changes, if there is not enough memory
    public void requireFits(Path checkpoint) {
        if (!fits()) {
            throw new BowlineException(
                    problem(checkpoint),
                    String.join("\n       or ", remedies("set %s in the recipe, which"::formatted))
                            + "\n       or load the PreparedRun without requireMemory() to try it unchanged");
        }
    }

    /// The two amounts that disagree.
    public String problem(Path checkpoint) {
        return "fine-tuning %s needs about %s, and there are %s (%s)"
                .formatted(checkpoint, gibibytes(needed(estimate)), gibibytes(available.bytes()), available.source());
    }

    /// The remedies, each sufficient alone: the changes to the recipe, then another machine or model.
    ///
    /// @param change the spelling of a change, from its `key=value`: the subject of `saves`
    public List<String> remedies(UnaryOperator<String> change) {
        List<String> remedies = new ArrayList<>();
        for (Change each : changes) {
            remedies.add("%s saves %s (%s)".formatted(change.apply(each.set()), gibibytes(each.saves()), each.note()));
        }
        remedies.add("use a machine with %s available".formatted(gibibytes(needed(estimate))));
        long largest = largestModel();
        if (largest > 0) {
            remedies.add("use a model of the same kind with at most %s, instead of %s"
                    .formatted(millions(largest), millions(parameters)));
        }
        return remedies;
    }

    /// The number of parameters that would fit, at the same memory per parameter; 0 if it is below one million.
    private long largestModel() {
        long ofParameters =
                estimate.parts().stream().mapToLong(MemoryEstimate.Part::bytes).sum();
        long room = available.bytes() - (needed(estimate) - ofParameters);
        long largest = ofParameters == 0 ? 0 : (long) ((double) room / ofParameters * parameters);
        return largest < MILLION ? 0 : largest;
    }

    private static String millions(long parameters) {
        return String.format(Locale.ROOT, "%,d million parameters", Math.max(1, parameters / MILLION));
    }

    private static String gibibytes(long bytes) {
        return String.format(Locale.ROOT, "%.2f GiB", bytes / (double) (1L << 30));
    }
}
