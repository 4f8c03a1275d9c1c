package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.checkpoint.SaveReport.Head;
import dev.bowline.files.AtomicDirectory;
import dev.bowline.files.NewFile;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.QuantizedLinears;
import dev.bowline.model.TiedWeights;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.ShardIndex;
import dev.bowline.tensor.Dtype;
import dev.bowline.ties.TieGroup;
import dev.bowline.ties.TieLedger;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import jdk.jfr.FlightRecorder;

/// One save: determines the state of the head, chooses tensors, flags and files, writes a partial directory,
/// reads it back and renames it.
final class ModelSave {

    /// Further files of the directory.
    ///
    /// @param tensorBytes of the tensors among them
    /// @param textBytes of the rest
    record Extras(long tensorBytes, long textBytes, Content content) {

        @FunctionalInterface
        interface Content {
            /// @param save counts the tensors
            void writeTo(Path directory, CountedSave save) throws IOException;
        }

        static Extras none() {
            return new Extras(0, 0, (_, _) -> {});
        }

        long bytes() {
            return tensorBytes + textBytes;
        }
    }

    /// Room for headers, the index and the ledger.
    private static final long SMALL_FILES_BYTES = 1L << 20;

    private final LanguageModel model;
    private final Optional<Checkpoint> source;
    private final SaveProgress progress;
    private final Head head;
    private final TensorsToSave tensorsToSave;
    private final ShardLayout layout;
    private final SavedConfig config;
    private final CompanionFiles companions;
    private final Optional<CheckpointMapping> names;
    private final List<String> notes = new ArrayList<>();

    ModelSave(LanguageModel model, SaveOptions options) {
        requireUnquantized(model);
        this(
                model,
                options,
                TiedWeights.isOne(model.lmHead(), model.inputEmbedding()) ? Head.TIED : Head.SEPARATE,
                options.source().map(checkpoint -> CheckpointMapping.of(checkpoint, model)));
    }

    private ModelSave(LanguageModel model, SaveOptions options, Head head, Optional<CheckpointMapping> names) {
        this(model, options, head, names, TensorsToSave.of(model, head, names));
    }

    private ModelSave(
            LanguageModel model,
            SaveOptions options,
            Head head,
            Optional<CheckpointMapping> names,
            TensorsToSave tensors) {
        this.model = model;
        source = options.source();
        progress = options.progress();
        this.head = head;
        this.names = names;
        tensorsToSave = tensors;
        layout = ShardLayout.of(
                tensorsToSave.tensors().stream().map(TensorToSave::tensor).toList(),
                source.map(Checkpoint::weights),
                options.maxShardBytes());
        config = SavedConfig.of(model, source, head, changedDtype());
        companions = source.map(Checkpoint::companions).orElseGet(CompanionFiles::none);
        notes.addAll(tensorsToSave.notes());
    }

    /// A save of quantised values would lose what the quantisation rounded.
    private static void requireUnquantized(LanguageModel model) {
        QuantizedLinears.quantized(model).stream().findFirst().ifPresent(name -> {
            throw new BowlineException(
                    "'%s' is quantised, and a save of the whole model would have rounded weights".formatted(name),
                    "save the adapter, and merge it into the unquantised checkpoint");
        });
    }

    /// A save of tensors whose values no model holds.
    static ModelSave ofTensors(
            CheckpointMapping names,
            Head head,
            List<TensorToSave> tensors,
            List<LoadReport.Ignored> dropped,
            SaveProgress progress) {
        LanguageModel model = names.model();
        SaveOptions options = SaveOptions.like(names.checkpoint()).reportingTo(progress);
        return new ModelSave(
                model, options, head, Optional.of(names), TensorsToSave.given(model, head, tensors, dropped));
    }

    /// Saves into a directory that is absent or empty.
    SaveReport run(Path directory, Extras extras) {
        return run(directory, extras, _ -> {});
    }

    /// @param check of the written and read files, before the directory gets its name
    SaveReport run(Path directory, Extras extras, SaveCheck check) {
        return recorded(directory, () -> {
            TieLedger[] ledger = new TieLedger[1];
            AtomicDirectory.write(directory, bytes(extras), aside -> {
                ledger[0] = write(aside, extras);
                check.accept(aside);
            });
            return report(directory, extras, ledger[0]);
        });
    }

    /// Saves into a directory and deletes its earlier content once the new content is whole.
    SaveReport replace(Path directory, Extras extras) {
        return recorded(directory, () -> {
            TieLedger[] ledger = new TieLedger[1];
            AtomicDirectory.replace(directory, bytes(extras), aside -> ledger[0] = write(aside, extras));
            return report(directory, extras, ledger[0]);
        });
    }

    private static SaveReport recorded(Path directory, Supplier<SaveReport> save) {
        try {
            return FlightRecorder.isInitialized() ? SaveEvent.around(directory, save) : save.get();
        } catch (InternalError e) {
            // The JVM throws this for a page of a mapped file that is beyond the end of the file.
            throw new BowlineException(
                    "%s was not saved: a mapped weights file was truncated: %s".formatted(directory, e.getMessage()),
                    "restore the file, and resume from the last checkpoint saved before the change",
                    e);
        }
    }

    private SaveReport report(Path directory, Extras extras, TieLedger ledger) {
        return new SaveReport(
                directory,
                head,
                tensorsToSave.tensors().stream().map(TensorToSave::written).toList(),
                tensorsToSave.dropped(),
                config.changes(),
                companions.paths(),
                ledger,
                bytes(extras) - SMALL_FILES_BYTES,
                notes);
    }

    private long bytes(Extras extras) {
        return layout.bytes() + companions.bytes() + config.text().length + extras.bytes() + SMALL_FILES_BYTES;
    }

    private TieLedger write(Path aside, Extras extras) throws IOException {
        CountedSave save = new CountedSave(progress, layout.bytes() + extras.tensorBytes());
        Map<String, String> hashes = new HashMap<>();
        for (ShardLayout.File file : layout.files()) {
            hashes.putAll(SafetensorsWriter.create(
                            aside.resolve(file.name()),
                            save.counted(file.tensors()),
                            file.metadata(),
                            Set.of(embeddingKey()))
                    .hashes());
        }
        if (layout.index().isPresent()) {
            layout.index().get().write(aside.resolve(ShardIndex.FILE_NAME));
        }
        NewFile.write(aside.resolve(Checkpoint.CONFIG_FILE), config.text());
        notes.addAll(companions.copyTo(aside));
        extras.content().writeTo(aside, save);
        TieGroup group = new ReadBack(aside, model, head, tensorsToSave.tensors()).verify(hashAtLoad(), hashes);
        TieLedger ledger = new TieLedger(List.of(group));
        NewFile.write(aside.resolve(TieLedger.FILE_NAME), TieLedgerFile.text(ledger));
        return ledger;
    }

    private String embeddingKey() {
        String embedding = model.inputEmbedding().path();
        return names.map(all -> all.keys().keyOf(embedding)).orElse(embedding);
    }

    private Optional<String> hashAtLoad() {
        return names.flatMap(all -> all.key(model.inputEmbedding().path())
                        .or(() -> all.key(model.lmHead().path())))
                .map(key -> source.orElseThrow().hash(key));
    }

    /// The type that most of what the model itself holds is written in, if config.json should now say another.
    private Optional<Dtype> changedDtype() {
        Map<SafetensorsType, Long> bytes = new EnumMap<>(SafetensorsType.class);
        for (TensorToSave each : tensorsToSave.tensors()) {
            switch (each.origin()) {
                case MODEL, UNCHANGED ->
                    bytes.merge(each.tensor().type(), each.tensor().bytes(), Long::sum);
                case PASSED_THROUGH, KEPT -> {}
            }
        }
        Optional<SafetensorsType> written = bytes.entrySet().stream()
                .max(Comparator.comparingLong(Map.Entry::getValue))
                .map(Map.Entry::getKey);
        Optional<SafetensorsType> read = names.map(CheckpointMapping::storedType);
        return written.equals(read) ? Optional.empty() : written.flatMap(ElementTypes::dtype);
    }
}
