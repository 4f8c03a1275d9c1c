package dev.bowline.audit;

import dev.bowline.BowlineException;
import dev.bowline.audit.PhysicalState.Kind;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsHeader;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.ShardIndex;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.TensorHash;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.safetensors.WeightFiles;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;

/// Makes a checkpoint mean one thing to every consumer, without losing a bit.
///
/// The repaired checkpoint is made whole in a directory aside, audited there, and only then takes its place by a
/// rename;
/// a repair whose result is not clean did not happen.
public final class Repair {

    /// The sidecar that says what was decided.
    public static final String SIDECAR = "bowline_repair.json";

    private Repair() {}

    /// @throws BowlineException when the files do not decide what the checkpoint means
    public static RepairPlan plan(Path directory, RepairOptions options) {
        return RepairPlanner.plan(TieAudit.subject(directory), TieAudit.of(directory), options);
    }

    /// Writes the repaired checkpoint to `target`, which must not exist.
    ///
    /// @return the audit of the result
    public static TieAudit apply(RepairPlan plan, Path target) {
        Path place = target.toAbsolutePath().normalize();
        if (Files.exists(place)) {
            throw new BowlineException("%s is there already".formatted(target), "name a directory that does not exist");
        }
        Path aside = aside(plan, place);
        try {
            Files.move(aside, place, StandardCopyOption.ATOMIC_MOVE);
            force(parent(place));
        } catch (IOException e) {
            delete(aside);
            throw failed(target, e);
        }
        return TieAudit.of(target);
    }

    /// Replaces the checkpoint: the new directory is whole beside it before the old one is renamed away and removed.
    public static TieAudit applyInPlace(RepairPlan plan) {
        Path directory = real(plan.before().path());
        if (plan.changesNothing()) {
            return plan.before();
        }
        Path aside = aside(plan, directory);
        Path old =
                directory.resolveSibling(".%s.%s.before-repair".formatted(directory.getFileName(), UUID.randomUUID()));
        try {
            Files.move(directory, old, StandardCopyOption.ATOMIC_MOVE);
            Files.move(aside, directory, StandardCopyOption.ATOMIC_MOVE);
            force(parent(directory));
        } catch (IOException e) {
            restore(old, directory);
            delete(aside);
            throw failed(directory, e);
        }
        delete(old);
        return TieAudit.of(plan.before().path());
    }

    private static Path parent(Path place) {
        Path parent = place.getParent();
        if (parent == null || !Files.isDirectory(parent)) {
            throw new BowlineException("there is no directory for %s".formatted(place), "create it");
        }
        return parent;
    }

    private static Path real(Path path) {
        try {
            return path.toRealPath();
        } catch (IOException e) {
            throw failed(path, e);
        }
    }

    private static Path aside(RepairPlan plan, Path place) {
        Path parent = parent(place);
        Path aside = parent.resolve(".%s.%s.partial".formatted(place.getFileName(), UUID.randomUUID()));
        try {
            Files.createDirectory(aside);
            write(plan, aside);
            force(aside);
            requireClean(aside, plan);
            return aside;
        } catch (IOException e) {
            delete(aside);
            throw failed(place, e);
        } catch (RuntimeException | Error e) {
            delete(aside);
            throw e;
        }
    }

    private static void write(RepairPlan plan, Path aside) throws IOException {
        SourceFiles files = SourceFiles.read(plan.before().path());
        List<String> written = new ArrayList<>();
        SequencedMap<String, String> map = new LinkedHashMap<>();
        long bytes = 0;
        long parameters = 0;
        String hash = "";
        for (SafetensorsHeader header : files.headers()) {
            String name = String.valueOf(header.path().getFileName());
            if (isTouched(plan, header)) {
                hash = rewrite(plan, header, aside.resolve(name)).orElse(hash);
            } else {
                link(header.path(), aside.resolve(name));
            }
            written.add(name);
            for (TensorEntry entry :
                    SafetensorsFile.readHeader(aside.resolve(name)).entries().values()) {
                map.put(entry.name(), name);
                bytes += entry.bytes();
                parameters += entry.elements();
            }
        }
        if (files.index().isPresent()) {
            JsonObject metadata = files.index().get().metadata().with("total_size", bytes);
            if (metadata.has("total_parameters")) {
                metadata = metadata.with("total_parameters", parameters);
            }
            new ShardIndex(map, metadata).write(aside.resolve(WeightFiles.INDEX_FILE));
            written.add(WeightFiles.INDEX_FILE);
        }
        JsonObject config = files.config().orElseThrow();
        for (FlagAt flag : plan.before().flags()) {
            config = with(config, flag.level(), plan.tied());
        }
        text(
                aside.resolve(SourceFiles.CONFIG),
                plan.writesConfig()
                        ? Json.pretty(config)
                        : Files.readString(files.directory().resolve(SourceFiles.CONFIG)));
        written.add(SourceFiles.CONFIG);
        if (!plan.changesNothing()) {
            text(aside.resolve(SIDECAR), Json.pretty(sidecar(plan, hash)));
            written.add(SIDECAR);
        }
        others(files.directory(), aside, written);
    }

    private static boolean isTouched(RepairPlan plan, SafetensorsHeader header) {
        return Stream.of(
                        plan.drop(),
                        plan.rename().map(RepairPlan.Renamed::from),
                        plan.copy().map(RepairPlan.Renamed::from))
                .flatMap(Optional::stream)
                .anyMatch(header.entries()::containsKey);
    }

    /// One shard without, or with, or with other names for, the pair's tensors; every other byte as it was.
    ///
    /// @return the hash of the tied value, if it is in this shard
    private static Optional<String> rewrite(RepairPlan plan, SafetensorsHeader header, Path target) {
        try (SafetensorsFile file = SafetensorsFile.open(header.path())) {
            List<TensorSource> tensors = new ArrayList<>();
            Map<String, String> hashes = new LinkedHashMap<>();
            for (String key : file.entries().keySet()) {
                if (plan.drop().filter(key::equals).isPresent()) {
                    continue;
                }
                TensorSource tensor = TensorSource.of(file, key);
                String name = plan.rename()
                        .filter(each -> each.from().equals(key))
                        .map(RepairPlan.Renamed::to)
                        .orElse(key);
                tensors.add(new TensorSource(name, tensor.type(), tensor.shape(), tensor.content()));
                hashes.put(name, key);
                if (plan.copy().filter(each -> each.from().equals(key)).isPresent()) {
                    String second = plan.copy().orElseThrow().to();
                    tensors.add(new TensorSource(second, tensor.type(), tensor.shape(), tensor.content()));
                    hashes.put(second, key);
                }
            }
            SafetensorsWriter.write(target, tensors, metadata(plan, header), Set.of());
            return verified(plan, file, target, hashes);
        }
    }

    /// Reads every tensor back and compares it with where it came from.
    private static Optional<String> verified(
            RepairPlan plan, SafetensorsFile source, Path target, Map<String, String> names) {
        try (SafetensorsFile file = SafetensorsFile.open(target)) {
            names.forEach((name, from) -> {
                if (file.bytes(name).mismatch(source.bytes(from)) >= 0) {
                    throw new BowlineException(
                            "%s: '%s' was not read back as it was written".formatted(target, name),
                            "check the disk; the original is untouched");
                }
            });
            String canonical = plan.before().pair().embeddingKey();
            return names.containsKey(canonical) ? Optional.of(TensorHash.of(file.bytes(canonical))) : Optional.empty();
        }
    }

    private static Map<String, String> metadata(RepairPlan plan, SafetensorsHeader header) {
        Map<String, String> metadata = new LinkedHashMap<>(header.metadata());
        String head = plan.before().pair().headKey();
        String embedding = plan.before().pair().embeddingKey();
        metadata.remove(head);
        metadata.remove(embedding);
        if (plan.tied()) {
            metadata.put(head, embedding);
        }
        return metadata;
    }

    private static JsonObject with(JsonObject config, String level, boolean tied) {
        if (level.isEmpty()) {
            return config.with("tie_word_embeddings", tied);
        }
        int dot = level.indexOf('.');
        String first = dot < 0 ? level : level.substring(0, dot);
        JsonObject inner = config.requireObject(first);
        return config.with(first, with(inner, dot < 0 ? "" : level.substring(dot + 1), tied));
    }

    private static JsonObject sidecar(RepairPlan plan, String hash) {
        return JsonObject.of()
                .with("tool", "bowline repair")
                .with("tied", plan.tied())
                .with("canonical", plan.before().pair().embeddingKey())
                .with("canonical_sha256", JsonValue.of(hash))
                .with("before", plan.before().state().kind().text())
                .with("decision", JsonArray.ofStrings(plan.steps()))
                .with("lost", JsonArray.ofStrings(plan.losses()));
    }

    private static void others(Path directory, Path aside, List<String> written) throws IOException {
        for (Path file : SourceFiles.list(directory)) {
            String name = String.valueOf(file.getFileName());
            if (written.contains(name)) {
                continue;
            }
            if (Files.isDirectory(file)) {
                copyTree(file, aside.resolve(name));
            } else {
                link(file, aside.resolve(name));
            }
        }
    }

    private static void copyTree(Path from, Path to) throws IOException {
        Files.createDirectory(to);
        for (Path file : SourceFiles.list(from)) {
            Path target = to.resolve(String.valueOf(file.getFileName()));
            if (Files.isDirectory(file) && !Files.isSymbolicLink(file)) {
                copyTree(file, target);
            } else {
                link(file, target);
            }
        }
    }

    /// A hard link where the file system allows one, else a copy.
    private static void link(Path from, Path to) throws IOException {
        Path file = Files.isSymbolicLink(from) ? from.toRealPath() : from;
        try {
            Files.createLink(to, file);
        } catch (IOException | UnsupportedOperationException _) {
            Files.copy(file, to);
        }
    }

    private static void text(Path file, String text) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            java.nio.ByteBuffer bytes = java.nio.ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            channel.force(true);
        }
    }

    private static void requireClean(Path aside, RepairPlan plan) {
        TieAudit after = TieAudit.of(aside);
        boolean unresolved = after.findings().stream()
                .anyMatch(finding -> finding.severity().isAtLeast(Severity.HIGH)
                        && plan.before().state().kind() != Kind.SLICE_EQUAL
                        && plan.before().state().kind() != Kind.SHAPE_MISMATCH
                        && repairs(finding.code()));
        if (unresolved) {
            throw new BowlineException(
                    "%s is not repaired: its result would still have %s"
                            .formatted(
                                    plan.before().path(),
                                    after.findings().getFirst().code().id()),
                    "see the audit; the original is untouched");
        }
    }

    /// Findings that a repair ends; the others are about values that only their owner can restore.
    private static boolean repairs(FindingCode code) {
        return switch (code) {
            case T01, T02, T02B, T02C, T03, T04, T05, T07, T08, T11, T13, T19, T21, T22 -> true;
            case T06, T09, T10, T12, T14, T15, T16, T17, T18, T20, T23, T24, T25, T26 -> false;
        };
    }

    private static void force(Path directory) throws IOException {
        if (directory.getFileSystem().supportedFileAttributeViews().contains("posix")) {
            try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
                channel.force(true);
            }
        }
    }

    private static void restore(Path old, Path directory) {
        try {
            if (Files.exists(old) && !Files.exists(directory)) {
                Files.move(old, directory, StandardCopyOption.ATOMIC_MOVE);
            }
        } catch (IOException e) {
            throw new BowlineException(
                    "%s could not be put back: %s".formatted(directory, e.getMessage()),
                    "rename %s to %s".formatted(old, directory),
                    e);
        }
    }

    private static void delete(Path directory) {
        if (!Files.exists(directory)) {
            return;
        }
        try (Stream<Path> files = Files.walk(directory)) {
            List<Path> deepestFirst =
                    files.sorted(java.util.Comparator.reverseOrder()).toList();
            for (Path file : deepestFirst) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new BowlineException(
                    "%s could not be removed: %s".formatted(directory, e.getMessage()), "remove it by hand", e);
        }
    }

    private static BowlineException failed(Path target, IOException e) {
        return new BowlineException(
                "%s was not written: %s".formatted(target, e.getMessage()),
                "check the disk's space and permissions; the original is untouched",
                e);
    }
}
