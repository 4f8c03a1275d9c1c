package dev.bowline.adapter.export;

import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.safetensors.WeightFiles;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;

/// Compares the deltas of two adapters of one base, module by module and expert by expert, by the products with a
/// random vector, so that no delta is computed whole. Values that replace the base's are not compared.
public final class DeltaComparison {

    /// The largest difference, relative to the largest value of a product, that counts as rounding of float32.
    private static final double ROUNDING = 1e-4;

    private static final long SEED = 17;

    private final ExportBase base;
    private final List<String> differences = new ArrayList<>();

    private DeltaComparison(ExportBase base) {
        this.base = base;
    }

    /// The differences of `other` from `source`, a sentence each.
    ///
    /// @throws dev.bowline.BowlineException for an adapter of another base
    public static List<String> differences(AdapterFiles source, AdapterFiles other, Path base) {
        ExportBase read = ExportBase.read(base);
        try (WeightFiles weights = WeightFiles.open(base);
                Arena arena = Arena.ofConfined()) {
            DeltaComparison comparison = new DeltaComparison(read);
            comparison.compare(
                    comparison.byName(SourceAdapter.of(source, read, weights, arena)),
                    comparison.byName(SourceAdapter.of(other, read, weights, arena)));
            return List.copyOf(comparison.differences);
        }
    }

    private Map<String, Delta> byName(SourceAdapter adapter) {
        Map<String, Delta> deltas = new LinkedHashMap<>();
        for (Delta delta : adapter.deltas()) {
            deltas.put(base.modules().named(delta.module()).orElse(delta.module()), delta);
        }
        return deltas;
    }

    private void compare(Map<String, Delta> source, Map<String, Delta> other) {
        Set<String> names = new TreeSet<>(source.keySet());
        names.addAll(other.keySet());
        for (String name : names) {
            if (!source.containsKey(name)) {
                differences.add("'%s' has a delta, and the adapter has none for it".formatted(name));
            } else if (!other.containsKey(name)) {
                differences.add("'%s' has no delta, and the adapter has one for it".formatted(name));
            } else {
                compare(name, Objects.requireNonNull(source.get(name)), Objects.requireNonNull(other.get(name)));
            }
        }
    }

    private void compare(String name, Delta source, Delta other) {
        if (source instanceof Delta.OfExperts one && other instanceof Delta.OfExperts two) {
            for (int expert = 0; expert < one.pair().experts(); expert++) {
                compare(
                        "expert %d of '%s'".formatted(expert, name),
                        product(one.a(expert), one.b(expert), one.scale()),
                        product(two.a(expert), two.b(expert), two.scale()));
            }
        } else {
            compare("'%s'".formatted(name), product(source), product(other));
        }
    }

    private static double[] product(Delta delta) {
        return switch (delta) {
            case Delta.OfLinear linear -> product(linear.a(), linear.b(), linear.scale());
            case Delta.OfEmbedding embedding -> product(embedding.a(), embedding.b(), embedding.scale());
            case Delta.OfExperts experts -> throw new IllegalArgumentException(experts.module());
        };
    }

    /// scale · B (A x), with one x for each length.
    private static double[] product(Matrix a, Matrix b, double scale) {
        Random random = new Random(SEED);
        double[] x = random.doubles(a.columns(), -1, 1).toArray();
        double[] product = times(b, times(a, x));
        for (int i = 0; i < product.length; i++) {
            product[i] *= scale;
        }
        return product;
    }

    private static double[] times(Matrix matrix, double... x) {
        float[] values = matrix.values().get();
        double[] product = new double[matrix.rows()];
        for (int row = 0; row < product.length; row++) {
            double sum = 0;
            for (int column = 0; column < x.length; column++) {
                sum += values[row * x.length + column] * x[column];
            }
            product[row] = sum;
        }
        return product;
    }

    private void compare(String what, double[] source, double[] other) {
        double expected = largest(source);
        if (source.length != other.length) {
            differences.add("the delta of %s has %d rows, and the adapter's has %d"
                    .formatted(what, other.length, source.length));
        } else if (largest(other) == 0 && expected > 0) {
            differences.add("the delta of %s is zero, and the adapter's is not".formatted(what));
        } else {
            double[] gap = new double[source.length];
            for (int i = 0; i < gap.length; i++) {
                gap[i] = source[i] - other[i];
            }
            if (!(largest(gap) <= ROUNDING * expected)) {
                differences.add(String.format(
                        Locale.ROOT,
                        "the delta of %s differs from the adapter's by %.3g of its size",
                        what,
                        largest(gap) / expected));
            }
        }
    }

    private static double largest(double... values) {
        double largest = 0;
        for (double value : values) {
            largest = Math.max(largest, Math.abs(value));
        }
        return largest;
    }
}
