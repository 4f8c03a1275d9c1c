package dev.bowline.safetensors;

import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/// Writes the weights of a Hugging Face directory for tests: one file, or shards and their index.
public final class WeightsFixture {

    private WeightsFixture() {}

    /// @param tensors in the order in which the shards take them
    public static void write(Path directory, List<TensorSource> tensors, long maxShardBytes) throws IOException {
        SequencedMap<String, Long> sizes = new LinkedHashMap<>();
        Map<String, TensorSource> byName = new HashMap<>();
        tensors.forEach(tensor -> {
            sizes.put(tensor.name(), tensor.bytes());
            byName.put(tensor.name(), tensor);
        });
        ShardPlan plan = ShardPlan.of(sizes, maxShardBytes);
        SequencedMap<String, String> weightMap = new LinkedHashMap<>();
        for (ShardPlan.Shard shard : plan.shards()) {
            SafetensorsWriter.write(
                    directory.resolve(shard.fileName()),
                    shard.tensors().stream().map(byName::get).toList());
            shard.tensors().forEach(name -> weightMap.put(name, shard.fileName()));
        }
        if (plan.isSharded()) {
            JsonObject metadata = JsonObject.of()
                    .with(
                            "total_parameters",
                            tensors.stream()
                                    .mapToLong(tensor -> TensorEntry.elementsOf(tensor.shape()))
                                    .sum())
                    .with(
                            "total_size",
                            tensors.stream().mapToLong(TensorSource::bytes).sum());
            new ShardIndex(weightMap, metadata).write(directory.resolve(ShardIndex.FILE_NAME));
        }
    }
}
