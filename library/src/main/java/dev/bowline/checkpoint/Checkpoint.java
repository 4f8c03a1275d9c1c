package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.files.AtomicDirectory;
import dev.bowline.json.Json;
import dev.bowline.json.JsonLimits;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.safetensors.SafetensorsHeader;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.ShardIndex;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.TensorHash;
import dev.bowline.safetensors.WeightFiles;
import dev.bowline.safetensors.WrapperName;
import dev.bowline.tensor.Dtype;
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

/// A Hugging Face directory, its weights mapped and nothing of them read yet.
///
/// The map stays until this checkpoint is closed *and* every model that looks into it is; closing is safe in
/// any order.
///
/// Threads may read at once; the owner closes it after the last.
public final class Checkpoint implements AutoCloseable {

    static final String CONFIG_FILE = ModelDirectory.CONFIG_FILE;
    static final String GENERATION_CONFIG_FILE = ModelDirectory.GENERATION_CONFIG_FILE;

    private final Path directory;
    private final JsonObject config;
    private final byte[] configText;
    private final Optional<JsonObject> generationConfig;
    private final WeightFiles weights;
    private final WeightStamps stamps;
    private Optional<CompanionFiles> retained = Optional.empty();
    private final Map<String, String> hashes = new ConcurrentHashMap<>();
    private final AtomicBoolean closed = new AtomicBoolean();
    private final AtomicInteger users = new AtomicInteger(1);

    private Checkpoint(
            Path directory,
            JsonObject config,
            byte[] configText,
            Optional<JsonObject> generationConfig,
            WeightFiles weights)
            throws IOException {
        this.directory = directory;
        this.config = config;
        this.configText = configText;
        this.generationConfig = generationConfig;
        this.weights = weights;
        this.stamps = WeightStamps.of(weights);
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
            return new Checkpoint(directory, config, Files.readAllBytes(configFile), generationConfig, weights);
        } catch (IOException e) {
            weights.close();
            throw unreadable(directory, e);
        }
    }

    private static BowlineException unreadable(Path directory, IOException e) {
        return new BowlineException(
                "%s cannot be read: %s".formatted(directory, e.getMessage()), "check the files in it", e);
    }

    /// Refuses a directory that holds no model, and names what the directory holds instead: an adapter, GGUF, pickles.
    /// No file is opened but an adapter's config.
    public static void requireModel(Path directory) {
        ModelDirectory.require(directory);
    }

    /// A checkpoint of which only the headers are known: for [#forecast], which copies nothing.
    ///
    /// @param index empty for a single file
    /// @throws BowlineException as [#open(Path)] does, where generation_config.json cannot be read or where the
    /// index is not that of the shards
    public static Checkpoint ofHeaders(
            Path directory, JsonObject config, Optional<ShardIndex> index, List<SafetensorsHeader> headers) {
        Optional<JsonObject> generationConfig = ModelDirectory.generationConfig(directory);
        WeightFiles weights = WeightFiles.ofHeaders(directory, index, headers);
        try {
            return new Checkpoint(directory, config, new byte[0], generationConfig, weights);
        } catch (IOException e) {
            throw unreadable(directory, e);
        }
    }

    public Path directory() {
        return directory;
    }

    /// config.json as it is in the directory.
    public JsonObject config() {
        return config;
    }

    public Optional<JsonObject> generationConfig() {
        return generationConfig;
    }

    /// Every tensor's name as the files spell it, file by file in the order of the bytes.
    public SequencedSet<String> keys() {
        return weights.entries().sequencedKeySet();
    }

    public SequencedMap<String, TensorEntry> entries() {
        return weights.entries();
    }

    /// @throws BowlineException with the nearest names, for one that is not there
    public TensorEntry entry(String key) {
        return weights.entry(key);
    }

    /// The tensor's bytes in the map; see [dev.bowline.safetensors.SafetensorsFile#bytes].
    public MemorySegment bytes(String key) {
        return weights.bytes(key);
    }

    /// The SHA-256 of the tensor's bytes as they stand in the file, read once however often it is asked for.
    public String hash(String key) {
        return hashes.computeIfAbsent(key, name -> TensorHash.of(bytes(name)));
    }

    /// The dtype in the files of every slot that is one tensor there, whole and alone: what a load can leave in the
    /// map.
    /// Only headers are read.
    ///
    /// @param model built from this checkpoint's config.json
    public Map<String, Dtype> wholeTensors(LanguageModel model) {
        return Correspondence.of(this, model).wholeTensors();
    }

    /// Refuses what a load would refuse because of names, shapes or types, from the headers alone. What the
    /// head is, a load decides.
    ///
    /// @param model built from this checkpoint's config.json
    public void requireFits(LanguageModel model) {
        LoadDecision.requireFits(Correspondence.of(this, model));
    }

    /// Why a load would refuse the whole checkpoint, where one reason explains every tensor: weights saved in shards,
    /// a wrapper's prefix, an index of another revision. Empty where there is no such reason.
    ///
    /// @param model built from this checkpoint's config.json
    public Optional<BowlineException> misfit(LanguageModel model) {
        try {
            LoadDecision.requireKnown(Correspondence.of(this, model));
            return Optional.empty();
        } catch (BowlineException e) {
            return Optional.of(e);
        }
    }

    /// Predicts how [#load(LanguageModel)] would fill the head, with the code that decides a load. Nothing is
    /// filled; of the weights, head and input embedding are read where the files have both.
    ///
    /// @param model built from this checkpoint's config.json
    /// @throws BowlineException where a load would refuse
    public LoadReport.HeadVerdict forecast(LanguageModel model, HeadComparison comparison) {
        Correspondence names = Correspondence.of(this, model);
        LoadDecision.requireComputes(names, LoadDecision.dtype(names));
        return LoadDecision.of(names, comparison).verdict();
    }

    /// The text that a wrapper of the model added to the tensors' names, if the names without it are the model's. Empty
    /// if the names are the model's with it, or neither way.
    public static Optional<WrapperName> wrapper(LanguageModel model, SequencedSet<String> names) {
        return Misfit.wrapper(model, names);
    }

    /// The dtype that [#load(LanguageModel)] would choose.
    public Dtype storedDtype(LanguageModel model) {
        SafetensorsType stored = Correspondence.of(this, model).storedType();
        return ElementTypes.dtype(stored).filter(Dtype::computes).orElse(Dtype.FLOAT32);
    }

    /// Fills `model` in the dtype that most of its weights are stored in; float16, which nothing here computes in, as
    /// float32, which holds each of its values. See [#load(LanguageModel, Dtype)].
    ///
    /// That is the bytes' dtype whatever `dtype` in config.json says: following the latter could round weights.
    public LoadReport load(LanguageModel model) {
        return load(model, LoadPurpose.TRAINING);
    }

    /// Loads like [#load(LanguageModel)], for training or for inference only.
    public LoadReport load(LanguageModel model, LoadPurpose purpose) {
        Correspondence names = Correspondence.of(this, model);
        return new WeightLoad(names, purpose).run(LoadDecision.dtype(names));
    }

    /// Fills every slot of `model`, or fails and says which tensor or slot is in the way.
    ///
    /// What the head is, tied or separate, is decided from the flag, the checkpoint's own flag and the bytes
    /// before anything is copied. A parameter that is not trained and needs no cast looks into the map, so
    /// freeze before loading; the others are read once into memory of their own.
    ///
    /// @param dtype what the model computes in: float32 or bfloat16
    public LoadReport load(LanguageModel model, Dtype dtype) {
        return load(model, dtype, LoadPurpose.TRAINING);
    }

    /// Loads like [#load(LanguageModel, Dtype)], for training or for inference only.
    public LoadReport load(LanguageModel model, Dtype dtype, LoadPurpose purpose) {
        return new WeightLoad(Correspondence.of(this, model), purpose).run(dtype);
    }

    /// Writes `model` as a Hugging Face directory, whole or not at all, and reads it back before it appears.
    /// What a process that dies meanwhile leaves beside it is hidden and never taken for a checkpoint; the next
    /// save into the same parent removes it.
    ///
    /// The head is saved as what it *is* at this moment: one with the embedding, only that is written; a value
    /// of its own, both are, and every flag in config.json says so. Without training in between, every tensor
    /// that was loaded in the dtype it is stored in is written byte for byte as it was.
    ///
    /// @param directory absent or empty
    public static SaveReport save(LanguageModel model, Path directory, SaveOptions options) {
        AtomicDirectory.requireFree(directory);
        return new ModelSave(model, options).run(directory, ModelSave.Extras.none());
    }

    /// How far each value of `model` is from what is stored here, by its canonical name.
    ///
    /// @param model loaded from this checkpoint, and perhaps trained since
    public SequencedMap<String, WeightDistance> distances(LanguageModel model) {
        return WeightDistance.of(this, model);
    }

    WeightFiles weights() {
        return weights;
    }

    /// The bytes of config.json when this checkpoint was opened.
    byte[] configText() {
        return configText.clone();
    }

    /// Reads the files next to the weights now, so that every later save writes this state of them, whatever becomes
    /// of them. Without this, a save lists and reads them anew.
    ///
    /// @return what no save will write although it looks as if it belonged to the model, a sentence each
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

    /// Refuses if a file that holds one of `keys` was written to since this checkpoint was opened: what is mapped of
    /// it has other bytes now, or none. A file that was removed or replaced by another is still mapped as it was.
    ///
    /// It takes a look at each file's size and times and reads nothing.
    public void requireNotRewritten(Collection<String> keys) {
        stamps.requireNotRewritten(keys);
    }

    /// Whether a file of the weights was written to since this checkpoint was opened.
    public boolean isRewritten() {
        return stamps.isRewritten();
    }

    /// Whether the file that holds `key` was written to since this checkpoint was opened.
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
