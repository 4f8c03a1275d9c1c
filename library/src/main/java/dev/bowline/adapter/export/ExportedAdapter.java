package dev.bowline.adapter.export;

import dev.bowline.BowlineException;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterRecord;
import dev.bowline.adapter.format.BaseIdentity;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.adapter.format.VllmModel;
import dev.bowline.gguf.MappedGguf;
import dev.bowline.safetensors.PeftAdapter;
import dev.bowline.safetensors.WeightFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// An adapter that was written for a program, read as that program reads it. The owner closes it.
///
/// Names and layout of an export for vLLM and of a GGUF file become PEFT's in a temporary directory, which
/// [#close()] deletes.
public final class ExportedAdapter implements AutoCloseable {

    private final ExportTarget target;
    private final AdapterFiles files;
    private final List<String> problems;
    private final Optional<Path> temporary;

    private ExportedAdapter(ExportTarget target, AdapterFiles files, List<String> problems, Optional<Path> temporary) {
        this.target = target;
        this.files = files;
        this.problems = List.copyOf(problems);
        this.temporary = temporary;
    }

    /// True for a GGUF file, and for a directory with the one that an export writes.
    public static boolean isGguf(Path adapter) {
        return Files.isRegularFile(ggufFile(adapter));
    }

    private static Path ggufFile(Path adapter) {
        return Files.isDirectory(adapter) ? adapter.resolve(GgufExport.FILE) : adapter;
    }

    /// Reads an adapter by the names of its tensors: those of vLLM's class of the base if one of them is vLLM's
    /// alone, else those of PEFT.
    ///
    /// @param adapter a directory, or a GGUF file
    /// @throws BowlineException for files that are no adapter of the base
    public static ExportedAdapter open(Path adapter, Path base, BaseNames names) {
        ExportBase read = ExportBase.read(base);
        if (isGguf(adapter)) {
            try (MappedGguf file = MappedGguf.open(ggufFile(adapter))) {
                ReadBack back = GgufReader.of(ggufFile(adapter), file, read, names);
                return written(ExportTarget.LLAMA_CPP, adapter, back, record(Optional.empty(), base));
            }
        }
        AdapterFiles files = AdapterFiles.open(adapter);
        VllmReader reader;
        try {
            Optional<VllmReader> found = VllmModel.of(read.className())
                    .map(model -> new VllmReader(files, model, names))
                    .filter(VllmReader::isForVllm);
            if (found.isEmpty()) {
                return new ExportedAdapter(ExportTarget.PEFT, files, List.of(), Optional.empty());
            }
            reader = found.get();
        } catch (RuntimeException e) {
            files.close();
            throw e;
        }
        try (files) {
            return written(ExportTarget.VLLM, adapter, reader.read(), record(files.record(), base));
        }
    }

    private static AdapterRecord record(Optional<AdapterRecord> record, Path base) {
        if (record.isPresent()) {
            return record.get();
        }
        try (WeightFiles weights = WeightFiles.open(base)) {
            return AdapterRecord.of(base.toString(), BaseIdentity.of(weights), TieMode.UNCHOSEN);
        }
    }

    private static ExportedAdapter written(ExportTarget target, Path shown, ReadBack read, AdapterRecord record) {
        if (read.tensors().isEmpty()) {
            throw new BowlineException(
                    "%s applies no tensor of %s: %s"
                            .formatted(target.title(), shown, String.join("; ", read.problems())),
                    "export the adapter again");
        }
        try {
            Path temporary = Files.createTempDirectory("bowline-adapter");
            try {
                AdapterFiles.create(temporary, read.config(), record, read.tensors());
                AdapterFiles files = AdapterFiles.open(temporary).shownAs(shown);
                return new ExportedAdapter(target, files, read.problems(), Optional.of(temporary));
            } catch (RuntimeException | IOException e) {
                delete(temporary);
                throw e;
            }
        } catch (IOException e) {
            throw new BowlineException(
                    "no temporary copy of %s can be written: %s".formatted(shown, e.getMessage()),
                    "free space in the directory that java.io.tmpdir names",
                    e);
        }
    }

    private static void delete(Path temporary) {
        try {
            Files.deleteIfExists(temporary.resolve(PeftAdapter.CONFIG_FILE));
            Files.deleteIfExists(temporary.resolve(PeftAdapter.WEIGHTS_FILE));
            Files.deleteIfExists(temporary);
        } catch (IOException e) {
            temporary.toFile().deleteOnExit();
        }
    }

    /// The program by whose names the adapter was read.
    public ExportTarget target() {
        return target;
    }

    /// The adapter in PEFT's names, valid until [#close()].
    public AdapterFiles files() {
        return files;
    }

    /// The differences that the program meets when it applies the adapter, a sentence each.
    public List<String> problems() {
        return problems;
    }

    @Override
    public void close() {
        files.close();
        temporary.ifPresent(ExportedAdapter::delete);
    }
}
