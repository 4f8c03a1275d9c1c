package dev.bowline.checkpoint;

import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.ShardIndex;
import dev.bowline.safetensors.ShardPlan;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.safetensors.WeightFiles;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SequencedMap;

/// The assignment of tensors to files.
///
/// @param index of the files, when there are several or the source had one
record ShardLayout(List<File> files, Optional<ShardIndex> index) {

    /// @param metadata its `__metadata__`
    record File(String name, List<TensorSource> tensors, Map<String, String> metadata) {

        File {
            tensors = List.copyOf(tensors);
        }

        long bytes() {
            return tensors.stream().mapToLong(TensorSource::bytes).sum();
        }
    }

    ShardLayout {
        files = List.copyOf(files);
    }

    /// The source's own files when it has a place for every tensor, and each file is no larger than it was or
    /// than 5 GB; otherwise, or with a limit, as Hugging Face would lay them out.
    static ShardLayout of(List<TensorSource> tensors, Optional<WeightFiles> source, OptionalLong maxShardBytes) {
        if (source.isPresent() && maxShardBytes.isEmpty()) {
            Optional<ShardLayout> same = likeSource(tensors, source.get());
            if (same.isPresent()) {
                return same.get();
            }
        }
        return limited(tensors, maxShardBytes.orElse(ShardPlan.DEFAULT_MAX_SHARD_BYTES));
    }

    long bytes() {
        return files.stream().mapToLong(File::bytes).sum();
    }

    private static Optional<ShardLayout> likeSource(List<TensorSource> tensors, WeightFiles source) {
        SequencedMap<String, List<TensorSource>> byFile = new LinkedHashMap<>();
        source.files().forEach(file -> byFile.put(fileName(file.path()), new ArrayList<>()));
        for (TensorSource tensor : tensors) {
            // A tensor that is new goes where the first is, which is where the source has its embedding as a rule.
            String file = source.entries().containsKey(tensor.name())
                    ? fileName(source.file(tensor.name()).path())
                    : byFile.firstEntry().getKey();
            byFile.getOrDefault(file, new ArrayList<>()).add(tensor);
        }
        List<File> files = new ArrayList<>();
        for (var file : source.files()) {
            String name = fileName(file.path());
            File planned = new File(name, byFile.getOrDefault(name, List.of()), metadata(file.metadata(), tensors));
            boolean fits = !planned.tensors().isEmpty()
                    && planned.bytes() <= Math.max(file.header().dataBytes(), ShardPlan.DEFAULT_MAX_SHARD_BYTES);
            if (!fits) {
                return Optional.empty();
            }
            files.add(planned);
        }
        return Optional.of(new ShardLayout(files, source.index().map(index -> index(files, index.metadata(), source))));
    }

    /// The metadata of the source without the aliases of tensors that this save writes.
    private static Map<String, String> metadata(Map<String, String> source, List<TensorSource> tensors) {
        Map<String, String> metadata = new LinkedHashMap<>(source);
        tensors.forEach(tensor -> metadata.remove(tensor.name()));
        return metadata;
    }

    private static ShardLayout limited(List<TensorSource> tensors, long maxShardBytes) {
        SequencedMap<String, Long> sizes = new LinkedHashMap<>();
        Map<String, TensorSource> byName = new HashMap<>();
        tensors.forEach(tensor -> {
            sizes.put(tensor.name(), tensor.bytes());
            byName.put(tensor.name(), tensor);
        });
        ShardPlan plan = ShardPlan.of(sizes, maxShardBytes);
        List<File> files = plan.shards().stream()
                .map(shard -> new File(
                        shard.fileName(),
                        shard.tensors().stream().map(byName::get).toList(),
                        SafetensorsWriter.PYTORCH_METADATA))
                .toList();
        return new ShardLayout(files, plan.isSharded() ? Optional.of(index(files, JsonObject.of())) : Optional.empty());
    }

    /// The source's index, unless its tensors or their total size have changed.
    private static ShardIndex index(List<File> files, JsonObject before, WeightFiles source) {
        ShardIndex counted = index(files, before);
        boolean same = source.index()
                        .map(ShardIndex::weightMap)
                        .filter(counted.weightMap()::equals)
                        .isPresent()
                && source.entries().values().stream()
                                .mapToLong(entry -> entry.bytes())
                                .sum()
                        == files.stream().mapToLong(File::bytes).sum();
        return same ? new ShardIndex(counted.weightMap(), before) : counted;
    }

    private static ShardIndex index(List<File> files, JsonObject before) {
        SequencedMap<String, String> weightMap = new LinkedHashMap<>();
        long bytes = 0;
        long elements = 0;
        for (File file : files) {
            for (TensorSource tensor : file.tensors()) {
                weightMap.put(tensor.name(), file.name());
                bytes += tensor.bytes();
                elements += tensor.bytes() / tensor.type().bytes();
            }
        }
        return new ShardIndex(
                weightMap, before.with("total_parameters", elements).with("total_size", bytes));
    }

    private static String fileName(java.nio.file.Path path) {
        return String.valueOf(path.getFileName());
    }
}
