package dev.bowline.adapter.export;

import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.adapter.format.AdapterRecord;
import dev.bowline.adapter.format.BaseIdentity;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.safetensors.WeightFiles;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;

/// Writes an adapter with large random values, and computes its deltas the plain way.
final class AdapterFixture {

    private final Path base;
    private final Random random = new Random(11);
    private final List<TensorSource> tensors = new ArrayList<>();
    private final Map<String, float[]> values = new LinkedHashMap<>();

    AdapterFixture(Path base) {
        this.base = base;
    }

    /// A pair of a linear [out, in].
    AdapterFixture linear(String module, long out, long in, long rank) {
        return with(module + ".lora_A.weight", rank, in).with(module + ".lora_B.weight", out, rank);
    }

    /// A pair of an embedding [rows, width].
    AdapterFixture embedding(String module, long rows, long width, long rank) {
        return with(module + ".lora_embedding_A", rank, rows).with(module + ".lora_embedding_B", width, rank);
    }

    AdapterFixture with(String name, long... shape) {
        List<Long> dimensions = new ArrayList<>();
        int count = 1;
        for (long dimension : shape) {
            dimensions.add(dimension);
            count = Math.toIntExact(count * dimension);
        }
        float[] floats = new float[count];
        ByteBuffer bytes = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            floats[i] = (float) random.nextGaussian() / 2;
            bytes.putFloat(floats[i]);
        }
        return with(name, dimensions, bytes.array(), floats);
    }

    AdapterFixture with(String name, List<Long> shape, byte[] bytes, float... floats) {
        String key = AdapterKey.PREFIX + name;
        values.put(name, floats);
        tensors.add(new TensorSource(key, SafetensorsType.F32, shape, MemorySegment.ofArray(bytes)));
        return this;
    }

    float[] values(String name) {
        return Objects.requireNonNull(values.get(name), name);
    }

    Path write(Path directory, LoraConfig config) {
        try (WeightFiles weights = WeightFiles.open(base)) {
            AdapterFiles.write(
                    directory,
                    config,
                    AdapterRecord.of(base.toString(), BaseIdentity.of(weights), TieMode.UNCHOSEN),
                    tensors);
        }
        return directory;
    }

    /// The weight with the delta of a linear added.
    float[] merged(String module, float[] weight, double scale) {
        float[] a = values(module + ".lora_A.weight");
        float[] b = values(module + ".lora_B.weight");
        return merged(weight, a, b, scale);
    }

    /// @param weight [out, in]
    /// @param a [rank, in]
    /// @param b [out, rank]
    static float[] merged(float[] weight, float[] a, float[] b, double scale) {
        int rank = rank(weight.length, a.length, b.length);
        int in = a.length / rank;
        float[] sum = weight.clone();
        for (int row = 0; row < b.length / rank; row++) {
            for (int column = 0; column < in; column++) {
                double delta = 0;
                for (int i = 0; i < rank; i++) {
                    delta += (double) b[row * rank + i] * a[i * in + column];
                }
                sum[row * in + column] += (float) (scale * delta);
            }
        }
        return sum;
    }

    /// out · in = n, rank · in = a, out · rank = b, so rank² = a b / n.
    private static int rank(long n, long a, long b) {
        return (int) Math.round(Math.sqrt((double) a * b / n));
    }
}
