package dev.bowline.safetensors;

import dev.bowline.BowlineException;
import dev.bowline.NearestNames;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.stream.Stream;

/// The weights of a Hugging Face directory, mapped: `model.safetensors`, or shards and their index.
///
/// Opening checks every header, and that index and shards tell the same story. Segments are valid until [#close].
public final class WeightFiles implements AutoCloseable {

    public static final String SINGLE_FILE = "model.safetensors";
    public static final String INDEX_FILE = "model.safetensors.index.json";

    private final Path directory;
    private final Optional<ShardIndex> index;
    private final List<SafetensorsFile> files;
    private final SequencedMap<String, SafetensorsFile> owners = new LinkedHashMap<>();
    private final SequencedMap<String, TensorEntry> entries = new LinkedHashMap<>();

    private WeightFiles(Path directory, Optional<ShardIndex> index, List<SafetensorsFile> files) {
        this.directory = directory;
        this.index = index;
        this.files = List.copyOf(files);
        for (SafetensorsFile file : files) {
            for (TensorEntry entry : file.entries().values()) {
                owners.put(entry.name(), file);
                entries.put(entry.name(), entry);
            }
        }
    }

    /// Maps every file of the weights in `directory`.
    public static WeightFiles open(Path directory) {
        Optional<ShardIndex> index = index(directory);
        List<SafetensorsFile> files = new ArrayList<>();
        try {
            for (Path path : paths(directory, index)) {
                files.add(SafetensorsFile.open(path));
            }
            requireAgreement(
                    directory,
                    index,
                    files.stream().map(SafetensorsFile::header).toList());
            return new WeightFiles(directory, index, files);
        } catch (RuntimeException e) {
            files.forEach(SafetensorsFile::close);
            throw e;
        }
    }

    /// The headers of the weights in `directory`, checked as [#open] checks them, without mapping anything.
    public static List<SafetensorsHeader> readHeaders(Path directory) {
        Optional<ShardIndex> index = index(directory);
        List<SafetensorsHeader> headers = paths(directory, index).stream()
                .map(SafetensorsFile::readHeader)
                .toList();
        requireAgreement(directory, index, headers);
        return headers;
    }

    public Path directory() {
        return directory;
    }

    /// The index of a sharded checkpoint; empty for a single file.
    public Optional<ShardIndex> index() {
        return index;
    }

    /// The files in the order of their names.
    public List<SafetensorsFile> files() {
        return files;
    }

    /// Every tensor: file by file, in the order of the bytes. Offsets are within the tensor's file.
    public SequencedMap<String, TensorEntry> entries() {
        return Collections.unmodifiableSequencedMap(entries);
    }

    public TensorEntry entry(String name) {
        return file(name).entry(name);
    }

    /// See [SafetensorsFile#bytes].
    public MemorySegment bytes(String name) {
        return file(name).bytes(name);
    }

    /// See [SafetensorsFile#copy].
    public void copy(String name, long from, MemorySegment target) {
        file(name).copy(name, from, target);
    }

    /// Lets go of every file's pages; every segment stays valid.
    public void unload() {
        files.forEach(SafetensorsFile::unload);
    }

    /// The file that holds the tensor.
    public SafetensorsFile file(String name) {
        SafetensorsFile file = owners.get(name);
        if (file == null) {
            throw new BowlineException(
                    "%s has no tensor '%s'%s".formatted(directory, name, NearestNames.hint(name, owners.keySet())),
                    "use the checkpoint this name belongs to");
        }
        return file;
    }

    @Override
    public void close() {
        files.forEach(SafetensorsFile::close);
    }

    private static Optional<ShardIndex> index(Path directory) {
        Path single = directory.resolve(SINGLE_FILE);
        Path index = directory.resolve(INDEX_FILE);
        if (Files.exists(single) && Files.exists(index)) {
            throw new BowlineException(
                    "%s holds both %s and %s, which may be two different models"
                            .formatted(directory, SINGLE_FILE, INDEX_FILE),
                    "remove the one that is stale; transformers reads %s".formatted(SINGLE_FILE));
        }
        if (Files.exists(single)) {
            return Optional.empty();
        }
        if (!Files.exists(index)) {
            throw noWeights(directory);
        }
        return Optional.of(ShardIndex.read(index));
    }

    private static List<Path> paths(Path directory, Optional<ShardIndex> index) {
        index.ifPresent(shards -> shards.requireShards(directory));
        return index.map(shards ->
                        shards.shards().stream().map(directory::resolve).toList())
                .orElse(List.of(directory.resolve(SINGLE_FILE)));
    }

    private static void requireAgreement(Path directory, Optional<ShardIndex> index, List<SafetensorsHeader> headers) {
        if (index.isEmpty()) {
            return;
        }
        Map<String, String> claimed = index.get().weightMap();
        Map<String, String> found = new LinkedHashMap<>();
        for (SafetensorsHeader header : headers) {
            String file = String.valueOf(header.path().getFileName());
            for (String tensor : header.entries().keySet()) {
                String other = found.put(tensor, file);
                if (other != null) {
                    throw disagreement(directory, "tensor '%s' is in both %s and %s".formatted(tensor, other, file));
                }
                if (!claimed.containsKey(tensor)) {
                    throw disagreement(directory, "%s holds '%s', which the index lacks".formatted(file, tensor));
                }
            }
        }
        claimed.forEach((tensor, file) -> {
            String actual = found.get(tensor);
            if (actual == null) {
                throw disagreement(
                        directory, "no shard holds '%s', which the index puts in %s".formatted(tensor, file));
            }
            if (!actual.equals(file)) {
                throw disagreement(directory, "'%s' is in %s, the index puts it in %s".formatted(tensor, actual, file));
            }
        });
    }

    private static BowlineException disagreement(Path directory, String problem) {
        return new BowlineException(
                "%s and its shards disagree: %s".formatted(directory.resolve(INDEX_FILE), problem),
                "download index and shards again from one revision, or rebuild the index");
    }

    private static BowlineException noWeights(Path directory) {
        if (!Files.isDirectory(directory)) {
            return new BowlineException("there is no directory %s".formatted(directory), "check the path");
        }
        List<String> names = names(directory);
        Optional<String> pickle = names.stream()
                .filter(name -> name.endsWith(".bin") || name.endsWith(".pt") || name.endsWith(".pth"))
                .findFirst();
        if (pickle.isPresent()) {
            return new BowlineException(
                    "%s holds its weights as PyTorch pickles (%s): Bowline never opens those"
                            .formatted(directory, pickle.get()),
                    "use a revision with .safetensors files, or convert it in an environment you trust");
        }
        List<String> others =
                names.stream().filter(name -> name.endsWith(".safetensors")).toList();
        String present = others.isEmpty() ? "" : "; it holds " + String.join(", ", others);
        return new BowlineException(
                "%s has neither %s nor %s%s".formatted(directory, SINGLE_FILE, INDEX_FILE, present),
                "name the directory that holds the model's weights");
    }

    private static List<String> names(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> String.valueOf(file.getFileName()))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new BowlineException(
                    "%s cannot be listed: %s".formatted(directory, e.getMessage()), "check its permissions", e);
        }
    }
}
