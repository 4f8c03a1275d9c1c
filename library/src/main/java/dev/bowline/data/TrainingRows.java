package dev.bowline.data;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/// The rows of a training set in the order of each epoch.
///
/// The order of an epoch is a Fisher–Yates shuffle by `L64X128MixRandom` seeded from the run's seed and the epoch,
/// so it is the same on every machine and a [DataPosition] is all that a resumed run needs.
public final class TrainingRows {

    /// The order of the rows in an epoch.
    public enum Order {
        AS_READ,
        SHUFFLED
    }

    /// The rows of one optimizer step and the position after it.
    public record Step(List<PackedRow> rows, DataPosition next) {}

    private static final long EPOCH_STRIDE = 0x9E3779B97F4A7C15L;

    private final List<PackedRow> rows;
    private final Order order;
    private final long seed;
    private Optional<String> hash = Optional.empty();
    private int orderedEpoch = -1;
    private List<PackedRow> ordered = List.of();

    public TrainingRows(List<PackedRow> rows, Order order, long seed) {
        if (rows.isEmpty()) {
            throw new IllegalArgumentException("no rows");
        }
        this.rows = List.copyOf(rows);
        this.order = order;
        this.seed = seed;
    }

    /// Rows in one epoch.
    public int size() {
        return rows.size();
    }

    /// The examples of all rows, in the order in which they were read.
    public List<Example> examples() {
        return rows.stream().flatMap(row -> row.examples().stream()).toList();
    }

    public Order order() {
        return order;
    }

    /// The seed of every epoch's order.
    public long seed() {
        return seed;
    }

    /// The SHA-256 of the token ids and targets of every row, in the order in which they were read.
    /// The path of the files does not matter.
    public String sha256() {
        if (hash.isEmpty()) {
            hash = Optional.of(DatasetFingerprint.of(rows));
        }
        return hash.get();
    }

    /// Optimizer steps in one epoch.
    public int stepsPerEpoch(int rowsPerStep) {
        return (rows.size() + rowsPerStep - 1) / rowsPerStep;
    }

    /// The next `rowsPerStep` rows. A step never reaches into the next epoch, so the last of an epoch may be
    /// smaller.
    public Step step(DataPosition from, int rowsPerStep) {
        List<PackedRow> epoch = epoch(from.epoch());
        int to = Math.min(epoch.size(), from.row() + rowsPerStep);
        List<PackedRow> taken = epoch.subList(from.row(), to);
        DataPosition next =
                to == epoch.size() ? new DataPosition(from.epoch() + 1, 0) : new DataPosition(from.epoch(), to);
        return new Step(List.copyOf(taken), next);
    }

    private List<PackedRow> epoch(int epoch) {
        if (epoch != orderedEpoch) {
            ordered = switch (order) {
                case AS_READ -> rows;
                case SHUFFLED -> shuffled(epoch);
            };
            orderedEpoch = epoch;
        }
        return ordered;
    }

    private List<PackedRow> shuffled(int epoch) {
        RandomGenerator random =
                RandomGeneratorFactory.of("L64X128MixRandom").create(seed + EPOCH_STRIDE * (epoch + 1L));
        List<PackedRow> permuted = new ArrayList<>(rows);
        for (int i = permuted.size() - 1; i > 0; i--) {
            Collections.swap(permuted, i, random.nextInt(i + 1));
        }
        return permuted;
    }
}
