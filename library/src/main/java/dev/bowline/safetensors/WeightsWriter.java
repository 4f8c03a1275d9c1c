package dev.bowline.safetensors;

import dev.bowline.BowlineException;
import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// Writes the weights of a Hugging Face directory: one file, or shards and then their index.
///
/// Each file appears whole; the set of them is whole once this returns. Whoever needs the set to appear at once writes
/// into a directory aside and renames that.
public final class WeightsWriter {

    private static final Pattern WEIGHTS = Pattern.compile("model(-\\d+-of-\\d+)?\\.safetensors(\\.index\\.json)?");

    private WeightsWriter() {}

    /// Refuses a directory that already has weights: readers would find the old ones among the new.
    ///
    /// @param tensors in the order they shall be taken into shards
    /// @param hashed the names of the tensors whose [TensorHash] is wanted
    public static WrittenWeights write(
            Path directory, List<TensorSource> tensors, long maxShardBytes, Set<String> hashed) {
        requireNoWeights(directory);
        SequencedMap<String, Long> sizes = new LinkedHashMap<>();
        Map<String, TensorSource> byName = new LinkedHashMap<>();
        for (TensorSource tensor : tensors) {
            if (byName.put(tensor.name(), tensor) != null) {
                throw new IllegalArgumentException("two tensors are called '" + tensor.name() + "'");
            }
            sizes.put(tensor.name(), tensor.bytes());
        }
        ShardPlan plan = ShardPlan.of(sizes, maxShardBytes);
        List<WrittenFile> files = new ArrayList<>();
        for (ShardPlan.Shard shard : plan.shards()) {
            files.add(SafetensorsWriter.write(
                    directory.resolve(shard.fileName()),
                    shard.tensors().stream().map(byName::get).toList(),
                    SafetensorsWriter.PYTORCH_METADATA,
                    hashed));
        }
        return new WrittenWeights(files, writeIndex(directory, plan, tensors));
    }

    private static Optional<ShardIndex> writeIndex(Path directory, ShardPlan plan, List<TensorSource> tensors) {
        if (!plan.isSharded()) {
            return Optional.empty();
        }
        long elements = 0;
        long bytes = 0;
        for (TensorSource tensor : tensors) {
            elements += TensorEntry.elementsOf(tensor.shape());
            bytes += tensor.bytes();
        }
        JsonObject metadata = JsonObject.of().with("total_parameters", elements).with("total_size", bytes);
        ShardIndex index = new ShardIndex(plan.weightMap(), metadata);
        index.write(directory.resolve(WeightFiles.INDEX_FILE));
        return Optional.of(index);
    }

    private static void requireNoWeights(Path directory) {
        if (!Files.isDirectory(directory)) {
            throw new BowlineException("there is no directory %s".formatted(directory), "create the directory");
        }
        try (Stream<Path> files = Files.list(directory)) {
            Optional<String> old = files.map(file -> String.valueOf(file.getFileName()))
                    .filter(name -> WEIGHTS.matcher(name).matches())
                    .sorted()
                    .findFirst();
            if (old.isPresent()) {
                throw new BowlineException(
                        "%s already holds weights: %s".formatted(directory, old.get()),
                        "write into an empty directory, or remove them first");
            }
        } catch (IOException e) {
            throw new BowlineException(
                    "%s cannot be listed: %s".formatted(directory, e.getMessage()), "check its permissions", e);
        }
    }
}
