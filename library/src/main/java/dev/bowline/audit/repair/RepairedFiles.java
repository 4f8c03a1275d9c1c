package dev.bowline.audit.repair;

import dev.bowline.BowlineException;
import dev.bowline.BowlineVersion;
import dev.bowline.audit.evidence.FlagAt;
import dev.bowline.audit.evidence.Flags;
import dev.bowline.audit.evidence.SourceFiles;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsHeader;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.ShardIndex;
import dev.bowline.safetensors.TensorBytes;
import dev.bowline.safetensors.TensorHash;
import dev.bowline.safetensors.TensorSource;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Writes the files of a repaired checkpoint into a new directory: those that change anew, all others as hard links.
final class RepairedFiles {

    private final RepairPlan plan;
    private final SourceFiles source;
    private final Path aside;
    private final RepairDisk disk;
    private final Set<String> written = new HashSet<>();

    RepairedFiles(RepairPlan plan, Path aside, RepairDisk disk) {
        this.plan = plan;
        this.source = SourceFiles.read(plan.before().path()).salvaged();
        this.aside = aside;
        this.disk = disk;
    }

    /// Everything is durable when it returns.
    void write() throws IOException {
        RepairedHeaders repaired = RepairedHeaders.of(plan, source);
        disk.createDirectory(aside);
        Optional<String> hash = Optional.empty();
        for (SafetensorsHeader header : source.headers()) {
            Optional<String> found = RepairedHeaders.isTouched(plan, header) ? rewrite(header) : hashOf(header);
            hash = found.isPresent() ? found : hash;
        }
        if (plan.rewritesIndex()) {
            replace(ShardIndex.FILE_NAME, to -> repaired.index().orElseThrow().write(to));
        }
        if (plan.writesConfig()) {
            text(SourceFiles.CONFIG, repaired.config());
        }
        if (!plan.changesNothing()) {
            text(Repair.SIDECAR, sidecar(repaired.config(), hash));
        }
        for (Path file : SourceFiles.list(source.directory())) {
            if (!written.contains(String.valueOf(file.getFileName()))) {
                same(file, aside.resolve(String.valueOf(file.getFileName())));
            }
        }
        disk.copyPermissions(source.directory(), aside);
        disk.force(aside);
    }

    @FunctionalInterface
    private interface Writer {
        void write(Path to) throws IOException;
    }

    /// A new file of this name, with the permissions of the one it stands for.
    private void replace(String name, Writer writer) throws IOException {
        Path to = aside.resolve(name);
        disk.write(to, () -> writer.write(to));
        written.add(name);
        Path from = source.directory().resolve(name);
        if (Files.exists(from)) {
            disk.copyPermissions(from, to);
        }
    }

    private void text(String name, JsonObject content) throws IOException {
        disk.write(aside.resolve(name), Json.pretty(content));
        written.add(name);
        Path from = source.directory().resolve(name);
        if (Files.exists(from)) {
            disk.copyPermissions(from, aside.resolve(name));
        }
    }

    /// One shard without, or with, or with other names for, the pair's tensors; every other byte unchanged.
    ///
    /// @return the hash of the tied value, if it is in this shard
    private Optional<String> rewrite(SafetensorsHeader header) throws IOException {
        String name = String.valueOf(header.path().getFileName());
        try (SafetensorsFile file = open(header)) {
            List<TensorSource> tensors = new ArrayList<>();
            for (String key : file.entries().keySet()) {
                TensorSource tensor = TensorSource.of(file, key);
                for (String repaired : plan.names().of(header, key)) {
                    TensorBytes content =
                            repaired.equals(canonical()) && plan.rebuilt().isPresent()
                                    ? plan.rebuilt().get().in(file.bytes(key))
                                    : tensor.content();
                    tensors.add(new TensorSource(repaired, tensor.type(), tensor.shape(), content));
                }
            }
            Map<String, String> metadata = RepairedHeaders.metadata(plan, header);
            replace(name, to -> SafetensorsWriter.create(to, tensors, metadata, Set.of()));
            return verified(tensors, aside.resolve(name));
        }
    }

    private SafetensorsFile open(SafetensorsHeader header) {
        return plan.malformed().contains(header.path())
                ? SafetensorsFile.salvage(header.path())
                : SafetensorsFile.open(header.path());
    }

    /// Reads every tensor back and compares it with where it came from.
    private Optional<String> verified(List<TensorSource> tensors, Path target) throws IOException {
        try (SafetensorsFile file = SafetensorsFile.open(target)) {
            for (TensorSource tensor : tensors) {
                MemorySegment written = file.bytes(tensor.name());
                long[] position = {0};
                tensor.content().writeTo(piece -> {
                    if (written.asSlice(position[0], piece.byteSize()).mismatch(piece) >= 0) {
                        throw new BowlineException(
                                "%s: '%s' was read back with other bytes than were written"
                                        .formatted(target, tensor.name()),
                                "check the disk; the original is untouched");
                    }
                    position[0] += piece.byteSize();
                });
            }
            return hashOf(file);
        }
    }

    /// The tied value in a shard that does not change.
    private Optional<String> hashOf(SafetensorsHeader header) {
        if (!header.entries().containsKey(canonical())) {
            return Optional.empty();
        }
        try (SafetensorsFile file = SafetensorsFile.open(header.path())) {
            return hashOf(file);
        }
    }

    private Optional<String> hashOf(SafetensorsFile file) {
        return file.entries().containsKey(canonical())
                ? Optional.of(TensorHash.of(file.bytes(canonical())))
                : Optional.empty();
    }

    private String canonical() {
        return plan.pair().embeddingKey();
    }

    /// @param hash empty when the tensor is kept in quantised parts
    private JsonObject sidecar(JsonObject config, Optional<String> hash) {
        JsonObject flags = JsonObject.of();
        for (FlagAt flag : Flags.of(config)) {
            flags = flags.with(flag.key(), flag.value().orElseThrow());
        }
        JsonObject sidecar = JsonObject.of()
                .with("tool", "bowline repair")
                .with("version", BowlineVersion.current())
                .with("tied", plan.tied())
                .with("flags", flags)
                .with("canonical", canonical());
        return hash.map(each -> sidecar.with("canonical_sha256", each))
                .orElse(sidecar)
                .with("before", plan.before().state().kind().text())
                .with("decision", JsonArray.ofStrings(plan.steps()))
                .with("lost", JsonArray.ofStrings(plan.losses()));
    }

    /// The same file, or tree, under another directory. A link to a directory stays a link.
    private void same(Path from, Path to) throws IOException {
        if (Files.isSymbolicLink(from) && !Files.isRegularFile(from)) {
            disk.symbolicLink(to, elsewhere(from));
        } else if (Files.isDirectory(from)) {
            disk.createDirectory(to);
            for (Path file : SourceFiles.list(from)) {
                same(file, to.resolve(String.valueOf(file.getFileName())));
            }
            disk.copyPermissions(from, to);
            disk.force(to);
        } else {
            disk.link(from.toRealPath(), to);
        }
    }

    /// The target of the link's copy: the same file, relative to the new place.
    private Path elsewhere(Path link) throws IOException {
        Path target = Files.readSymbolicLink(link);
        Path absolute = link.toAbsolutePath().resolveSibling(target).normalize();
        boolean staysInside =
                absolute.startsWith(source.directory().toAbsolutePath().normalize());
        return target.isAbsolute() || staysInside ? target : absolute;
    }
}
