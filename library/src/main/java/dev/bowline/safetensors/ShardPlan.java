package dev.bowline.safetensors;

import java.util.ArrayList;
import java.util.List;
import java.util.SequencedMap;

/// The assignment of tensors to files by the rule of Hugging Face, so that a checkpoint saved with the same limit
/// has the same files.
///
/// Tensors are taken in their order and a new shard begins when the next would exceed the limit. A tensor larger
/// than the limit gets a shard of its own, before the shard that is being filled, which continues.
///
/// @param shards in the order of their numbers; one of them means no index is needed
public record ShardPlan(List<Shard> shards) {

    /// One file of a checkpoint.
    ///
    /// @param bytes of the tensors, without the header
    public record Shard(String fileName, List<String> tensors, long bytes) {

        public Shard {
            tensors = List.copyOf(tensors);
        }
    }

    /// The file that holds all weights where there are no shards.
    public static final String SINGLE_FILE = "model.safetensors";

    /// Hugging Face's customary limit, 5 GB.
    public static final long DEFAULT_MAX_SHARD_BYTES = 5_000_000_000L;

    public ShardPlan {
        shards = List.copyOf(shards);
    }

    /// @param sizes every tensor's bytes by its name, in the order they shall be taken
    public static ShardPlan of(SequencedMap<String, Long> sizes, long maxShardBytes) {
        if (maxShardBytes < 1) {
            throw new IllegalArgumentException("a shard cannot be limited to " + maxShardBytes + " bytes");
        }
        List<List<String>> groups = new ArrayList<>();
        List<String> current = new ArrayList<>();
        long currentBytes = 0;
        for (String name : sizes.keySet()) {
            long bytes = sizes.get(name);
            if (bytes > maxShardBytes) {
                groups.add(List.of(name));
                continue;
            }
            if (currentBytes + bytes > maxShardBytes) {
                groups.add(current);
                current = new ArrayList<>();
                currentBytes = 0;
            }
            current.add(name);
            currentBytes += bytes;
        }
        if (!current.isEmpty() || groups.isEmpty()) {
            groups.add(current);
        }
        return named(groups, sizes);
    }

    public boolean isSharded() {
        return shards.size() > 1;
    }

    private static ShardPlan named(List<List<String>> groups, SequencedMap<String, Long> sizes) {
        List<Shard> shards = new ArrayList<>();
        for (List<String> group : groups) {
            String fileName = groups.size() == 1
                    ? SINGLE_FILE
                    : "model-%05d-of-%05d.safetensors".formatted(shards.size() + 1, groups.size());
            shards.add(new Shard(
                    fileName, group, group.stream().mapToLong(sizes::get).sum()));
        }
        return new ShardPlan(shards);
    }
}
