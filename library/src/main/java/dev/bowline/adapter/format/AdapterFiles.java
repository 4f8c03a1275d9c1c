package dev.bowline.adapter.format;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.files.AtomicDirectory;
import dev.bowline.files.NewFile;
import dev.bowline.json.Json;
import dev.bowline.json.JsonLimits;
import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.PeftAdapter;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.TensorSource;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/// The files of a LoRA adapter, open: the settings of `adapter_config.json` and the mapped tensors of
/// `adapter_model.safetensors`. The owner closes it; a segment is valid until then.
public final class AdapterFiles implements AutoCloseable {

    private static final List<String> PICKLED = List.of("adapter_model.bin", "adapter_model.pt", "adapter_model.pth");

    private final Path directory;
    private final JsonObject json;
    private final LoraConfig config;
    private final Optional<AdapterRecord> record;
    private final SafetensorsFile file;

    private AdapterFiles(
            Path directory, JsonObject json, LoraConfig config, Optional<AdapterRecord> record, SafetensorsFile file) {
        this.directory = directory;
        this.json = json;
        this.config = config;
        this.record = record;
        this.file = file;
    }

    /// Opens an adapter after checking its settings, and that its tensors are complete, finite and of the ranks
    /// that the settings give. The base is not needed, and the modules are not compared with it.
    ///
    /// @throws BowlineException for a directory without an adapter, a pickled adapter, another `peft_type` than
    ///     LORA, a key of the settings with an effect that Bowline does not carry out, and tensors that do not
    ///     fit the settings
    public static AdapterFiles open(Path directory) {
        requireAdapter(directory);
        Path configFile = directory.resolve(PeftAdapter.CONFIG_FILE);
        JsonObject json = Json.parse(configFile, JsonLimits.CONFIG).asObject();
        LoraConfig config = LoraConfigReader.read(json);
        SafetensorsFile file = SafetensorsFile.open(directory.resolve(PeftAdapter.WEIGHTS_FILE));
        try {
            Optional<AdapterRecord> record =
                    AdapterRecord.of(file.metadata(), file.path().toString());
            LoraConfig recorded =
                    record.map(each -> config.withTieMode(each.tieMode())).orElse(config);
            AdapterCheck.require(file, recorded);
            return new AdapterFiles(directory, json, AutoModelSettings.apply(directory, file, recorded), record, file);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /// The same open files under a tie mode that the caller chose, for an adapter that does not say one. Either
    /// owns the files, so only one of them is closed.
    public AdapterFiles withTieMode(TieMode mode) {
        return new AdapterFiles(directory, json, config.withTieMode(mode), record, file);
    }

    /// The same open files under the directory that messages name, for a temporary copy. Either owns the files, so
    /// only one of them is closed.
    public AdapterFiles shownAs(Path shown) {
        return new AdapterFiles(shown, json, config, record, file);
    }

    private static void requireAdapter(Path directory) {
        if (!Files.isDirectory(directory)) {
            throw new BowlineException(
                    "%s is %s".formatted(directory, Files.exists(directory) ? "not a directory" : "not there"),
                    "name the directory of an adapter, with %s".formatted(PeftAdapter.CONFIG_FILE));
        }
        if (!Files.exists(directory.resolve(PeftAdapter.CONFIG_FILE))) {
            throw new BowlineException(
                    "%s is no adapter: it has no %s".formatted(directory, PeftAdapter.CONFIG_FILE),
                    "name a directory that PEFT's save_pretrained or Bowline wrote");
        }
        if (!Files.exists(directory.resolve(PeftAdapter.WEIGHTS_FILE))) {
            throw withoutWeights(directory);
        }
    }

    private static BowlineException withoutWeights(Path directory) {
        return PICKLED.stream()
                .filter(name -> Files.exists(directory.resolve(name)))
                .findFirst()
                .map(name -> new BowlineException(
                        "%s is a pickle file, which can run code when it is read; Bowline reads %s only"
                                .formatted(directory.resolve(name), PeftAdapter.WEIGHTS_FILE),
                        Fix.of("if you trust the file, load the adapter with PEFT and save it again with"
                                + " save_pretrained, which writes safetensors")))
                .orElseGet(() -> new BowlineException(
                        "%s has no %s".formatted(directory, PeftAdapter.WEIGHTS_FILE),
                        "download the file, or save the adapter again with PEFT's save_pretrained"));
    }

    public Path directory() {
        return directory;
    }

    /// The settings; the tie mode is the record's, where there is a record.
    public LoraConfig config() {
        return config;
    }

    /// The content of `adapter_config.json`.
    public JsonObject json() {
        return json;
    }

    /// Bowline's record; empty for an adapter that another program saved.
    public Optional<AdapterRecord> record() {
        return record;
    }

    /// The tensors by their key in the file, in the order of the file.
    public SequencedMap<String, TensorEntry> tensors() {
        return file.entries();
    }

    /// The meaning of each key that PEFT writes, in the order of the file. Keys of NeMo AutoModel's grouped
    /// experts are left out; see [StackedExperts].
    public SequencedMap<String, AdapterKey> keys() {
        SequencedMap<String, AdapterKey> keys = new LinkedHashMap<>();
        for (String key : tensors().keySet()) {
            AdapterKey.of(key).ifPresent(known -> keys.put(key, known));
        }
        return keys;
    }

    /// The tensor's bytes in the mapped file, little-endian, read-only.
    public MemorySegment bytes(String key) {
        return file.bytes(key);
    }

    /// A tensor to be written again unchanged.
    public TensorSource source(String key) {
        return TensorSource.of(file, key);
    }

    @Override
    public void close() {
        file.close();
    }

    /// Writes `adapter_config.json` and `adapter_model.safetensors` as PEFT 0.21 does, into a directory of
    /// their own, whole or not at all.
    ///
    /// @param directory absent or empty
    /// @param tensors with PEFT's keys, see [AdapterKey#PREFIX]
    public static void write(Path directory, LoraConfig config, AdapterRecord record, List<TensorSource> tensors) {
        write(directory, LoraConfigWriter.write(config, record.base()), Optional.of(record), tensors);
    }

    static void write(Path directory, JsonObject config, Optional<AdapterRecord> record, List<TensorSource> tensors) {
        AtomicDirectory.write(directory, bytes(config, tensors), aside -> {
            create(aside, config, record, tensors);
        });
    }

    /// Writes the two files into a directory that exists and that nobody reads yet, such as the one that
    /// [AtomicDirectory] makes.
    public static void create(Path directory, LoraConfig config, AdapterRecord record, List<TensorSource> tensors)
            throws IOException {
        create(directory, LoraConfigWriter.write(config, record.base()), Optional.of(record), tensors);
    }

    static void create(Path directory, JsonObject config, Optional<AdapterRecord> record, List<TensorSource> tensors)
            throws IOException {
        Map<String, String> metadata = new LinkedHashMap<>(SafetensorsWriter.PYTORCH_METADATA);
        record.ifPresent(each -> metadata.put(AdapterRecord.METADATA, each.text()));
        NewFile.write(directory.resolve(PeftAdapter.CONFIG_FILE), Json.pretty(config));
        SafetensorsWriter.create(directory.resolve(PeftAdapter.WEIGHTS_FILE), tensors, metadata, Set.of());
    }

    static long bytes(JsonObject config, List<TensorSource> tensors) {
        return Json.pretty(config).getBytes(StandardCharsets.UTF_8).length
                + tensors.stream().mapToLong(TensorSource::bytes).sum();
    }
}
