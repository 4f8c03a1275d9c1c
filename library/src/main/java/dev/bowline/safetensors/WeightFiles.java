package dev.bowline.safetensors;

import dev.bowline.BowlineException;
import dev.bowline.NearestNames;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/// The weights of a Hugging Face directory, mapped: `model.safetensors`, or shards and their index.
///
/// Opening checks every header, and the index against them. A directory that holds both a single file and an index
/// is read as transformers reads it: by the single file. Segments are valid until [#close].
public final class WeightFiles implements AutoCloseable {

    private final Path directory;
    private final Optional<ShardIndex> index;
    private final List<SafetensorsFile> files;
    private final Map<String, SafetensorsFile> owners = new HashMap<>();
    private final Map<String, SafetensorsHeader> headers = new HashMap<>();
    private final SequencedMap<String, TensorEntry> entries = new LinkedHashMap<>();

    private WeightFiles(
            Path directory,
            Optional<ShardIndex> index,
            List<SafetensorsFile> files,
            List<SafetensorsHeader> allHeaders) {
        this.directory = directory;
        this.index = index;
        this.files = List.copyOf(files);
        files.forEach(file -> file.entries().keySet().forEach(name -> owners.put(name, file)));
        for (SafetensorsHeader header : allHeaders) {
            for (TensorEntry entry : header.entries().values()) {
                headers.put(entry.name(), header);
                entries.put(entry.name(), entry);
            }
        }
    }

    /// Weights of which only the headers are known: [#entries] and [#header] answer, and no bytes can be asked
    /// for.
    public static WeightFiles ofHeaders(Path directory, Optional<ShardIndex> index, List<SafetensorsHeader> headers) {
        requireAgreement(directory, index, headers);
        return new WeightFiles(directory, index, List.of(), headers);
    }

    /// Maps every file of the weights in `directory`.
    public static WeightFiles open(Path directory) {
        Optional<ShardIndex> index = index(directory);
        List<SafetensorsFile> files = new ArrayList<>();
        try {
            for (Path path : paths(directory, index)) {
                files.add(SafetensorsFile.open(path));
            }
            List<SafetensorsHeader> headers =
                    files.stream().map(SafetensorsFile::header).toList();
            requireAgreement(directory, index, headers);
            return new WeightFiles(directory, index, files, headers);
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

    /// True if the directory has an index in addition to the single file that is read.
    public boolean passesOverIndex() {
        return index.isEmpty() && Files.exists(directory.resolve(ShardIndex.FILE_NAME));
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
        requireKnown(name);
        return Objects.requireNonNull(entries.get(name));
    }

    /// See [SafetensorsFile#bytes].
    public MemorySegment bytes(String name) {
        return file(name).bytes(name);
    }

    /// See [SafetensorsFile#copy].
    public void copy(String name, long from, MemorySegment target) {
        file(name).copy(name, from, target);
    }

    /// Releases every file's pages; every segment stays valid.
    public void unload() {
        files.forEach(SafetensorsFile::unload);
    }

    /// The header that describes the tensor.
    public SafetensorsHeader header(String name) {
        requireKnown(name);
        return Objects.requireNonNull(headers.get(name));
    }

    private void requireKnown(String name) {
        if (!entries.containsKey(name)) {
            throw new BowlineException(
                    "%s has no tensor '%s'%s".formatted(directory, name, NearestNames.hint(name, entries.keySet())),
                    "use the checkpoint this name belongs to");
        }
    }

    /// The file that holds the tensor.
    public SafetensorsFile file(String name) {
        requireKnown(name);
        SafetensorsFile file = owners.get(name);
        if (file == null) {
            throw new IllegalStateException("only the headers of %s are known".formatted(directory));
        }
        return file;
    }

    /// The tensors that the index names and no file holds, each with the file that the index names.
    public SequencedMap<String, String> unheld() {
        return unheld(index, entries.keySet());
    }

    @Override
    public void close() {
        files.forEach(SafetensorsFile::close);
    }

    private static Optional<ShardIndex> index(Path directory) {
        requireWeights(directory);
        return Files.exists(directory.resolve(ShardPlan.SINGLE_FILE))
                ? Optional.empty()
                : Optional.of(ShardIndex.read(directory.resolve(ShardIndex.FILE_NAME)));
    }

    /// Refuses a directory without a single file and without an index, and names what the directory holds instead.
    public static void requireWeights(Path directory) {
        if (!isThere(directory)) {
            throw MissingWeights.of(directory);
        }
    }

    /// True if a directory has a single file or an index.
    public static boolean isThere(Path directory) {
        return Files.exists(directory.resolve(ShardPlan.SINGLE_FILE))
                || Files.exists(directory.resolve(ShardIndex.FILE_NAME));
    }

    private static List<Path> paths(Path directory, Optional<ShardIndex> index) {
        index.ifPresent(shards -> shards.requireShards(directory));
        return index.map(shards ->
                        shards.shards().stream().map(directory::resolve).toList())
                .orElse(List.of(directory.resolve(ShardPlan.SINGLE_FILE)));
    }

    /// Refuses shards that do not hold what their index says. A name of the index that no shard holds is not
    /// refused here: see [#unheld].
    ///
    /// @param index empty for a single file
    public static void requireAgreement(Path directory, Optional<ShardIndex> index, List<SafetensorsHeader> headers) {
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
            if (actual != null && !actual.equals(file)) {
                throw disagreement(directory, "'%s' is in %s, the index puts it in %s".formatted(tensor, actual, file));
            }
        });
    }

    /// The tensors that an index names and no shard holds, each with the file that the index names. Only a model
    /// can tell if it needs one of them: a tied head is often left in an index.
    private static SequencedMap<String, String> unheld(Optional<ShardIndex> index, Set<String> held) {
        SequencedMap<String, String> unheld = new LinkedHashMap<>();
        index.ifPresent(shards -> shards.weightMap().forEach((tensor, file) -> {
            if (!held.contains(tensor)) {
                unheld.put(tensor, file);
            }
        }));
        return unheld;
    }

    /// The refusal of an index that names a tensor which a model needs and no shard holds.
    public static BowlineException absent(Path directory, String tensor, String file) {
        return disagreement(directory, "no shard holds '%s', which the index puts in %s".formatted(tensor, file));
    }

    private static BowlineException disagreement(Path directory, String problem) {
        return new BowlineException(
                "%s and its shards disagree: %s".formatted(directory.resolve(ShardIndex.FILE_NAME), problem),
                "download index and shards again from one revision, or rebuild the index");
    }
}
