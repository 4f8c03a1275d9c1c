package dev.bowline.safetensors;

import dev.bowline.BowlineException;
import dev.bowline.files.NewFile;
import dev.bowline.json.Json;
import dev.bowline.json.JsonLimits;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.OptionalLong;
import java.util.SequencedMap;
import java.util.SequencedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/// `model.safetensors.index.json`: which file of a sharded checkpoint holds which tensor.
///
/// A shard is a file in the directory of its index; a name that leads anywhere else is refused. The file itself
/// may be a symbolic link, like in the hub's cache.
///
/// @param weightMap the file of every tensor, in the index's order
/// @param metadata the other values of the index, such as `total_size`
public record ShardIndex(SequencedMap<String, String> weightMap, JsonObject metadata) {

    /// The name of the index in a Hugging Face directory.
    public static final String FILE_NAME = "model.safetensors.index.json";

    /// The largest number of tensors that a header may hold.
    private static final JsonLimits LIMITS = new JsonLimits(64, 4_000_000, 256L << 20);

    public ShardIndex {
        weightMap = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(weightMap));
    }

    /// Reads and checks the names; whether the shards exist is for [#requireShards] to say.
    public static ShardIndex read(Path path) {
        JsonObject index = Json.parse(path, LIMITS).asObject();
        SequencedMap<String, String> files = new LinkedHashMap<>();
        index.requireObject("weight_map").fields().forEach((tensor, file) -> {
            TensorName.refusal(tensor).ifPresent(problem -> {
                throw new BowlineException(
                        "%s: tensor '%s' %s"
                                .formatted(file.location().position(), TensorName.shortened(tensor), problem),
                        "download the index again, or rebuild it from the shards");
            });
            files.put(tensor, shardName(file));
        });
        return new ShardIndex(files, index.optionalObject("metadata").orElse(JsonObject.of()));
    }

    /// The bytes of all tensors as the index claims them.
    public OptionalLong totalSize() {
        return metadata.optionalLong("total_size");
    }

    /// The files, sorted by name.
    public SequencedSet<String> shards() {
        return Collections.unmodifiableSequencedSet(new TreeSet<>(weightMap.values()));
    }

    /// Refuses an index of which some shard is not in `directory`.
    public void requireShards(Path directory) {
        List<String> missing = shards().stream()
                .filter(shard -> !Files.isRegularFile(directory.resolve(shard)))
                .toList();
        if (!missing.isEmpty()) {
            throw new BowlineException(
                    "%s lacks %d of the %d shards that its index names: %s"
                            .formatted(directory, missing.size(), shards().size(), String.join(", ", missing)),
                    "download the missing files into that directory");
        }
    }

    /// Writes a new file as Hugging Face does, with sorted keys.
    public void write(Path path) throws IOException {
        SequencedMap<String, JsonValue> files = new LinkedHashMap<>();
        new TreeMap<>(weightMap).forEach((tensor, file) -> files.put(tensor, JsonValue.of(file)));
        JsonObject index = JsonObject.of().with("metadata", metadata).with("weight_map", JsonObject.of(files));
        NewFile.write(path, Json.pretty(index));
    }

    /// True if a file can have this name. A name with half of a surrogate pair is impossible.
    private static boolean isFileName(String name) {
        try {
            return name.length() <= TensorName.MAX_LENGTH
                    && StandardCharsets.UTF_8.newEncoder().canEncode(name)
                    && Path.of(name).getNameCount() == 1;
        } catch (InvalidPathException _) {
            return false;
        }
    }

    private static String shardName(JsonValue value) {
        String name = value.asString();
        boolean leadsElsewhere = name.isBlank()
                || name.equals(".")
                || name.equals("..")
                || name.chars().anyMatch(c -> c == '/' || c == '\\' || c == ':' || c < ' ')
                || !isFileName(name);
        if (leadsElsewhere) {
            throw new BowlineException(
                    "%s: the shard %s of tensor %s is not the name of a file in the index's directory"
                            .formatted(
                                    value.location().position(),
                                    Json.compact(new JsonString(name, value.location())),
                                    value.location().subject()),
                    "name files in the index's own directory, without '/' and '..'");
        }
        return name;
    }
}
