package dev.bowline.audit.evidence;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.json.Json;
import dev.bowline.json.JsonLimits;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.safetensors.MissingWeights;
import dev.bowline.safetensors.PeftAdapter;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsHeader;
import dev.bowline.safetensors.SalvagedHeader;
import dev.bowline.safetensors.ShardIndex;
import dev.bowline.safetensors.ShardPlan;
import dev.bowline.safetensors.TensorEntry;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.stream.Stream;

/// The files of a checkpoint, read as far as they can be: what is wrong with one is kept as a problem, not thrown.
///
/// @param path the audited directory or .safetensors file
/// @param directory where its other files are
/// @param headers of the weight files that could be read
/// @param index empty for a single file, and where there is no readable one
/// @param missingShards files that the index names and that are not there
/// @param unnamed files that some loaders find by name, and others never read because the index does not name them
/// @param stray whether both a single file and an index are present
public record SourceFiles(
        Path path,
        Path directory,
        Optional<JsonObject> config,
        List<SafetensorsHeader> headers,
        Optional<ShardIndex> index,
        List<String> missingShards,
        List<String> unnamed,
        boolean stray,
        List<ContainerProblem> problems) {

    public static final String CONFIG = "config.json";

    private static final int START_BYTES = 9;

    public SourceFiles {
        headers = List.copyOf(headers);
        missingShards = List.copyOf(missingShards);
        unnamed = List.copyOf(unnamed);
        problems = List.copyOf(problems);
    }

    /// @throws BowlineException when there is nothing here that an audit could read
    public static SourceFiles read(Path path) {
        if (!Files.exists(path)) {
            throw nothingAt(path);
        }
        boolean isFile = Files.isRegularFile(path);
        Path parent = path.toAbsolutePath().getParent();
        Path directory = isFile && parent != null ? parent : path;
        List<ContainerProblem> problems = new ArrayList<>();
        Optional<ShardIndex> index = Optional.empty();
        List<Path> files;
        boolean stray = false;
        if (isFile) {
            files = List.of(path);
        } else {
            Path single = directory.resolve(ShardPlan.SINGLE_FILE);
            Path indexFile = directory.resolve(ShardIndex.FILE_NAME);
            boolean hasSingle = Files.exists(single, LinkOption.NOFOLLOW_LINKS);
            boolean hasIndex = Files.exists(indexFile, LinkOption.NOFOLLOW_LINKS);
            stray = hasSingle && hasIndex;
            if (hasIndex && !stray) {
                index = index(indexFile, problems);
            }
            files = hasSingle
                    ? List.of(single)
                    : index.isPresent()
                            ? index.get().shards().stream()
                                    .map(directory::resolve)
                                    .toList()
                            : others(directory);
        }
        List<String> missing = files.stream()
                .filter(file -> !Files.isRegularFile(file))
                .map(file -> String.valueOf(file.getFileName()))
                .toList();
        List<SafetensorsHeader> headers = new ArrayList<>();
        for (Path file : files) {
            if (Files.isRegularFile(file)) {
                header(file, problems).ifPresent(headers::add);
            }
        }
        requireSomething(directory, headers, problems, files);
        return new SourceFiles(
                path,
                directory,
                config(directory),
                headers,
                index,
                missing,
                unnamed(directory, index),
                stray,
                problems);
    }

    private static BowlineException nothingAt(Path path) {
        RepairPaths repair = RepairPaths.at(path);
        return repair.isOriginalAway()
                ? new BowlineException(
                        "there is nothing at %s: a repair was interrupted, and the original is whole at %s"
                                .formatted(path, repair.original()),
                        Fix.of(Remedy.Repair.inPlace(path)).and(" puts it back and repairs it"))
                : new BowlineException("there is nothing at %s".formatted(path), "check the path");
    }

    /// Every tensor by its key, each in the file that the index names, or else in the first that has it.
    public SequencedMap<String, PlacedTensor> tensors() {
        SequencedMap<String, PlacedTensor> tensors = new LinkedHashMap<>();
        for (SafetensorsHeader header : headers) {
            for (TensorEntry entry : header.entries().values()) {
                if (!tensors.containsKey(entry.name()) || isMappedTo(entry.name(), header)) {
                    tensors.put(entry.name(), PlacedTensor.of(header, entry));
                }
            }
        }
        return tensors;
    }

    private static List<String> unnamed(Path directory, Optional<ShardIndex> index) {
        if (index.isEmpty()) {
            return List.of();
        }
        Set<String> named = index.get().shards();
        return list(directory).stream()
                .filter(file -> String.valueOf(file.getFileName()).matches("model.*\\.safetensors"))
                .filter(file -> !named.contains(String.valueOf(file.getFileName())))
                .filter(SourceFiles::holdsTensors)
                .map(file -> String.valueOf(file.getFileName()))
                .toList();
    }

    private static boolean holdsTensors(Path file) {
        try {
            return Files.isRegularFile(file)
                    && !SafetensorsFile.readHeader(file).entries().isEmpty();
        } catch (BowlineException _) {
            return true;
        }
    }

    private boolean isMappedTo(String key, SafetensorsHeader header) {
        return index.map(each -> each.weightMap().get(key))
                .filter(name -> name.equals(String.valueOf(header.path().getFileName())))
                .isPresent();
    }

    private static Optional<ShardIndex> index(Path file, List<ContainerProblem> problems) {
        try {
            if (!Files.isRegularFile(file)) {
                throw noFile(file);
            }
            return Optional.of(ShardIndex.read(file));
        } catch (BowlineException e) {
            problems.add(new ContainerProblem(file, e.problem(), true, Optional.empty()));
            return Optional.empty();
        }
    }

    private static Optional<SafetensorsHeader> header(Path file, List<ContainerProblem> problems) {
        try {
            return Optional.of(SafetensorsFile.readHeader(file));
        } catch (BowlineException e) {
            problems.add(new ContainerProblem(file, e.problem(), startsAsSafetensors(file), salvage(file)));
            return Optional.empty();
        }
    }

    private static Optional<SalvagedHeader> salvage(Path file) {
        try {
            return Optional.of(SafetensorsFile.salvageHeader(file));
        } catch (BowlineException _) {
            return Optional.empty();
        }
    }

    /// The same, with the headers of malformed files that leave no doubt about their tensors.
    public SourceFiles salvaged() {
        List<SafetensorsHeader> all = new ArrayList<>(headers);
        problems.forEach(
                problem -> problem.salvaged().map(SalvagedHeader::header).ifPresent(all::add));
        all.sort(Comparator.comparing(SafetensorsHeader::path));
        List<ContainerProblem> left = problems.stream()
                .filter(problem -> problem.salvaged().isEmpty())
                .toList();
        return new SourceFiles(path, directory, config, all, index, missingShards, unnamed, stray, left);
    }

    /// The same tensors by other names, in the headers and in the index.
    public SourceFiles renamed(TensorNames names) {
        List<SafetensorsHeader> renamed =
                headers.stream().map(header -> renamed(header, names)).toList();
        return new SourceFiles(
                path,
                directory,
                config,
                renamed,
                index.map(each -> renamed(each, names)),
                missingShards,
                unnamed,
                stray,
                problems);
    }

    public static SafetensorsHeader renamed(SafetensorsHeader header, TensorNames names) {
        SequencedMap<String, TensorEntry> entries = new LinkedHashMap<>();
        for (TensorEntry entry : header.entries().values()) {
            for (String key : names.of(header, entry.name())) {
                entries.put(key, new TensorEntry(key, entry.type(), entry.shape(), entry.begin(), entry.end()));
            }
        }
        return new SafetensorsHeader(header.path(), entries, header.metadata(), header.dataStart(), header.dataBytes());
    }

    /// A tensor that one shard lacks is in another, which the index may name.
    private ShardIndex renamed(ShardIndex before, TensorNames names) {
        SequencedMap<String, String> map = new LinkedHashMap<>();
        before.weightMap().forEach((key, shard) -> {
            List<String> now =
                    names.changed().getOrDefault(new TensorNames.At(directory.resolve(shard), key), List.of());
            (now.isEmpty() ? List.of(key) : now).forEach(name -> map.put(name, shard));
        });
        return new ShardIndex(map, before.metadata());
    }

    /// True if the file begins as a safetensors file does: with a header length and a brace.
    private static boolean startsAsSafetensors(Path file) {
        try (InputStream stream = Files.newInputStream(file)) {
            byte[] start = stream.readNBytes(START_BYTES);
            return start.length == START_BYTES && start[7] == 0 && start[START_BYTES - 1] == '{';
        } catch (IOException _) {
            return false;
        }
    }

    private static Optional<JsonObject> config(Path directory) {
        Path file = directory.resolve(CONFIG);
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            return Optional.empty();
        }
        if (!Files.isRegularFile(file)) {
            throw noFile(file);
        }
        return Optional.of(Json.parse(file, JsonLimits.CONFIG).asObject());
    }

    private static BowlineException noFile(Path file) {
        return new BowlineException(
                "%s is not a file: %s"
                        .formatted(
                                file,
                                Files.isDirectory(file)
                                        ? "it is a directory"
                                        : Files.isSymbolicLink(file) && !Files.exists(file)
                                                ? "it is a link that leads to none"
                                                : "it is a pipe or a device"),
                "put the file there, or remove what is there");
    }

    /// Weight files without a name that the hub gives: every safetensors file but adapters.
    private static List<Path> others(Path directory) {
        return list(directory).stream()
                .filter(file -> String.valueOf(file.getFileName()).endsWith(".safetensors"))
                .filter(file -> !String.valueOf(file.getFileName()).startsWith("adapter_"))
                .filter(file -> !String.valueOf(file.getFileName()).startsWith("."))
                .toList();
    }

    public static List<Path> list(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            return files.sorted().toList();
        } catch (IOException | UncheckedIOException e) {
            throw new BowlineException(
                    "%s cannot be listed: %s".formatted(directory, e.getMessage()), "check its permissions", e);
        }
    }

    private static void requireSomething(
            Path directory, List<SafetensorsHeader> headers, List<ContainerProblem> problems, List<Path> files) {
        if (!headers.isEmpty() || problems.stream().anyMatch(ContainerProblem::malformed)) {
            return;
        }
        if (!problems.isEmpty()) {
            Path file = problems.getFirst().file();
            if (Files.isRegularFile(file) && !problems.getFirst().isJson()) {
                SafetensorsFile.readHeader(file);
            }
            throw new BowlineException(problems.getFirst().problem(), "download the file again, or name another");
        }
        if (!files.isEmpty() && Files.exists(files.getFirst(), LinkOption.NOFOLLOW_LINKS)) {
            throw noFile(files.getFirst());
        }
        if (!files.isEmpty()) {
            throw new BowlineException(
                    "%s lacks every shard that its index names".formatted(directory),
                    "download the shards into that directory");
        }
        throw unreadable(directory);
    }

    private static BowlineException unreadable(Path directory) {
        Optional<PeftAdapter> adapter = PeftAdapter.find(directory);
        BowlineException missing = MissingWeights.of(directory);
        return adapter.isEmpty()
                ? missing
                : new BowlineException(
                        missing.problem(),
                        Fix.of(new Remedy.AuditAdapter(adapter.get().baseDirectory(), directory)));
    }

    /// A string at the top of config.json.
    public Optional<String> configString(String key) {
        return config.flatMap(object -> object.get(key))
                .filter(dev.bowline.json.JsonString.class::isInstance)
                .map(JsonValue::asString);
    }
}
