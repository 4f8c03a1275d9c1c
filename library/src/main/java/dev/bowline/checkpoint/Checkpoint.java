package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonLimits;
import dev.bowline.json.JsonObject;
import dev.bowline.quantization.BitsAndBytes;
import dev.bowline.safetensors.SafetensorsHeader;
import dev.bowline.safetensors.ShardIndex;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.TensorHash;
import dev.bowline.safetensors.WeightFiles;
import dev.bowline.statedict.WeightRule;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SequencedSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/// The description of a Hugging Face directory: config.json, the names, types and shapes of the tensors, and
/// their bytes in mapped files.
///
/// [CheckpointLoader] fills a model from a checkpoint, [CheckpointSaver] writes a model as a checkpoint, and
/// [TrainingCheckpoints] keeps the checkpoints of a training run.
///
/// The files stay mapped until this checkpoint *and* every model that uses the mapped memory are closed, in any
/// order. Several threads may read at once; the owner closes the checkpoint after the last of them.
public final class Checkpoint implements AutoCloseable {

    static final String CONFIG_FILE = ModelDirectory.CONFIG_FILE;
    static final String GENERATION_CONFIG_FILE = ModelDirectory.GENERATION_CONFIG_FILE;

    private final Path directory;
    private final JsonObject config;
    private final byte[] configText;
    private final Optional<JsonObject> generationConfig;
    private final WeightFiles weights;
    private final WeightStamps stamps;
    private final QuantizedTensors tensors;
    private Optional<CompanionFiles> retained = Optional.empty();
    private Optional<MappedKeys> mapped = Optional.empty();
    private final Map<String, String> hashes = new ConcurrentHashMap<>();
    private final AtomicBoolean closed = new AtomicBoolean();
    private final AtomicInteger users = new AtomicInteger(1);

    private Checkpoint(
            Path directory,
            JsonObject config,
            byte[] configText,
            Optional<JsonObject> generationConfig,
            WeightFiles weights,
            QuantizedTensors tensors)
            throws IOException {
        this.directory = directory;
        this.config = config;
        this.configText = configText;
        this.generationConfig = generationConfig;
        this.weights = weights;
        this.stamps = WeightStamps.of(weights);
        this.tensors = tensors;
    }

    /// Maps the weights and checks every header, and the index against them. Pickles are refused and never
    /// opened.
    public static Checkpoint open(Path directory) {
        requireModel(directory);
        Path configFile = directory.resolve(CONFIG_FILE);
        JsonObject config = Json.parse(configFile, JsonLimits.CONFIG).asObject();
        Optional<JsonObject> generationConfig = ModelDirectory.generationConfig(directory);
        WeightFiles weights = WeightFiles.open(directory);
        try {
            QuantizedTensors tensors = QuantizedTensors.of(config, weights);
            return new Checkpoint(
                    directory, config, Files.readAllBytes(configFile), generationConfig, weights, tensors);
        } catch (IOException e) {
            weights.close();
            throw unreadable(directory, e);
        } catch (RuntimeException e) {
            weights.close();
            throw e;
        }
    }

    private static BowlineException unreadable(Path directory, IOException e) {
        return new BowlineException(
                "%s cannot be read: %s".formatted(directory, e.getMessage()), "check the files in it", e);
    }

    /// Refuses a directory that holds no model, and names what the directory holds instead: an adapter, GGUF,
    /// pickles. No file is opened but an adapter's config.
    public static void requireModel(Path directory) {
        ModelDirectory.require(directory);
    }

    /// A checkpoint of which only the headers are known, for [CheckpointLoader#forecast], which reads no values.
    ///
    /// @param index empty for a single file
    /// @throws BowlineException as [#open(Path)] does, where generation_config.json cannot be read or where the
    /// index is not that of the shards
    public static Checkpoint ofHeaders(
            Path directory, JsonObject config, Optional<ShardIndex> index, List<SafetensorsHeader> headers) {
        Optional<JsonObject> generationConfig = ModelDirectory.generationConfig(directory);
        WeightFiles weights = WeightFiles.ofHeaders(directory, index, headers);
        try {
            return new Checkpoint(
                    directory, config, new byte[0], generationConfig, weights, ofHeaders(directory, config, weights));
        } catch (IOException e) {
            throw unreadable(directory, e);
        }
    }

    /// The shape of a quantised weight is in the bytes of its state, not in a header.
    private static QuantizedTensors ofHeaders(Path directory, JsonObject config, WeightFiles weights) {
        if (config.optionalObject("quantization_config")
                .flatMap(BitsAndBytes::format)
                .isEmpty()) {
            return QuantizedTensors.of(config, weights);
        }
        try (WeightFiles open = WeightFiles.open(directory)) {
            return QuantizedTensors.of(config, open);
        }
    }

    public Path directory() {
        return directory;
    }

    /// The config.json of the directory, unchanged.
    public JsonObject config() {
        return config;
    }

    public Optional<JsonObject> generationConfig() {
        return generationConfig;
    }

    /// Every tensor's name as the files spell it, file by file in the order of the bytes. A weight that bitsandbytes
    /// quantised is one tensor.
    public SequencedSet<String> keys() {
        return entries().sequencedKeySet();
    }

    public SequencedMap<String, TensorEntry> entries() {
        return tensors.entries();
    }

    /// @throws BowlineException with the nearest names, for one that is not there
    public TensorEntry entry(String key) {
        TensorEntry entry = tensors.entries().get(key);
        return entry == null ? weights.entry(key) : entry;
    }

    /// The weights that bitsandbytes quantised.
    QuantizedTensors tensors() {
        return tensors;
    }

    /// The tensor's bytes in the map; see [dev.bowline.safetensors.SafetensorsFile#bytes].
    public MemorySegment bytes(String key) {
        return weights.bytes(key);
    }

    /// Reads bytes of a tensor into memory of the caller's own, without touching the map; see
    /// [dev.bowline.safetensors.SafetensorsFile#copy].
    public void copy(String key, long from, MemorySegment target) {
        weights.copy(key, from, target);
    }

    /// The SHA-256 of the tensor's bytes in the file, read once and remembered.
    public String hash(String key) {
        return hashes.computeIfAbsent(key, name -> TensorHash.of(bytes(name)));
    }

    /// The keys mapped with the rules and the slot names of one architecture. Models of the same architecture get
    /// the same object.
    synchronized MappedKeys mappedKeys(List<WeightRule> rules, SequencedSet<String> slots) {
        if (mapped.filter(each -> each.isFor(rules, slots)).isEmpty()) {
            mapped = Optional.of(new MappedKeys(weights, keys(), rules, slots));
        }
        return mapped.get();
    }

    /// Gives the resident pages of the mapped files back to the system, which reads them again when they are used.
    public void unload() {
        weights().unload();
    }

    WeightFiles weights() {
        return weights;
    }

    /// The bytes of config.json when this checkpoint was opened.
    byte[] configText() {
        return configText.clone();
    }

    /// Reads the files next to the weights now, so that every later save writes this state of them, whatever
    /// becomes of them. Without this, a save lists and reads them anew.
    ///
    /// @return the files that look like a part of the model and that no save will write, a sentence each
    /// @throws BowlineException if one of them cannot be read
    public List<String> retainCompanions() {
        if (retained.isEmpty()) {
            retained = Optional.of(CompanionFiles.retaining(directory));
        }
        return retained.get().leftOut();
    }

    CompanionFiles companions() {
        return retained.orElseGet(() -> CompanionFiles.of(directory));
    }

    /// Refuses if a file that holds one of `keys` was written to since this checkpoint was opened: what is mapped
    /// of it has other bytes now, or none. A file that was removed or replaced by another is still mapped as it
    /// was.
    ///
    /// It takes a look at each file's size and times and reads nothing.
    public void requireNotRewritten(Collection<String> keys) {
        stamps.requireNotRewritten(keys);
    }

    /// True if a file of the weights was written to since this checkpoint was opened.
    public boolean isRewritten() {
        return stamps.isRewritten();
    }

    /// True if the file that holds `key` was written to since this checkpoint was opened.
    boolean isRewritten(String key) {
        return stamps.isRewritten(key);
    }

    /// Keeps the map for as long as the lease is not closed.
    AutoCloseable lease() {
        users.incrementAndGet();
        AtomicBoolean returned = new AtomicBoolean();
        return () -> {
            if (returned.compareAndSet(false, true)) {
                release();
            }
        };
    }

    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            release();
        }
    }

    private void release() {
        if (users.decrementAndGet() == 0) {
            weights.close();
            retained.ifPresent(CompanionFiles::close);
        }
    }
}
