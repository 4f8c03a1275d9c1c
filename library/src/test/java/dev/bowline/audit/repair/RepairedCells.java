package dev.bowline.audit.repair;

import dev.bowline.BowlineException;
import dev.bowline.audit.DamagedCells;
import dev.bowline.audit.RecordedCells;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.evidence.Role;
import dev.bowline.audit.evidence.SourceFiles;
import dev.bowline.audit.repair.RepairOptions.Declare;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.ShardIndex;
import dev.bowline.safetensors.TensorHash;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;

/// Every repair of every recorded cell, each different result once.
final class RepairedCells {

    /// What may be asked of a repair, by the last part of a result's name.
    static final SequencedMap<String, RepairOptions> OPTIONS = new LinkedHashMap<>();

    static {
        OPTIONS.put("lossless", RepairOptions.LOSSLESS);
        OPTIONS.put("tied", new RepairOptions(Optional.empty(), Optional.of(Declare.TIED)));
        OPTIONS.put("untied", new RepairOptions(Optional.empty(), Optional.of(Declare.UNTIED)));
        OPTIONS.put("keep_head", new RepairOptions(Optional.of(Role.HEAD), Optional.empty()));
        OPTIONS.put("keep_embedding", new RepairOptions(Optional.of(Role.EMBEDDING), Optional.empty()));
        OPTIONS.put("rebuild_rows", new RepairOptions(Optional.empty(), Optional.empty(), true));
    }

    /// @param name of its cell, then of what was asked
    /// @param foreseen what the dry run said of it
    /// @param content a hash of everything a loader reads, however the files are laid out
    record Result(String name, TieAudit foreseen, Path directory, String content) {}

    /// Families whose single files are repaired too; sharded ones always are.
    private static final Set<String> IN_ONE_FILE = Set.of("llama", "mistral3", "t5");

    private final RecordedCells record = new RecordedCells();
    private final Path sources;
    private final Path results;
    private final Set<List<Object>> done = new HashSet<>();

    /// @param sources where the checkpoints to repair are written
    /// @param results where the repaired ones are
    RepairedCells(Path sources, Path results) {
        this.sources = sources;
        this.results = results;
    }

    List<Result> repair() throws IOException {
        List<Result> all = new ArrayList<>();
        for (String cell : record.cells().keySet()) {
            if (cell.contains("/single/") && !IN_ONE_FILE.contains(part(cell, 0))) {
                continue;
            }
            boolean saysFalse = part(cell, 2).matches("false(-false)*");
            all.addAll(repair(
                    cell,
                    record.write(cell, sources.resolve(cell)),
                    saysFalse ? OPTIONS.keySet() : Set.of("lossless")));
        }
        return all;
    }

    /// The same cells with something more wrong, repaired and as they are.
    List<Result> repairDamaged() throws IOException {
        List<Result> all = new ArrayList<>();
        for (DamagedCells.Damage damage : DamagedCells.ALL) {
            for (String cell : record.cells().keySet()) {
                if (damage.fits(cell)) {
                    String name = "%s/%s".formatted(cell, damage.name());
                    Path source =
                            damage.write(record, cell, results.resolve(name).resolve("unrepaired"));
                    all.addAll(repair(name, source, damage.options()));
                    all.add(noted(name + "/unrepaired", TieAudit.of(source), source));
                }
            }
        }
        return all;
    }

    private List<Result> repair(String cell, Path source, Set<String> options) throws IOException {
        List<Result> all = new ArrayList<>();
        for (Map.Entry<String, RepairOptions> option : OPTIONS.entrySet()) {
            if (!options.contains(option.getKey())) {
                continue;
            }
            Optional<RepairPlan> planned = plan(source, option.getValue());
            if (planned.isPresent() && done.add(meaning(cell, planned.get()))) {
                RepairPlan plan = planned.get();
                String name = cell + "/" + option.getKey();
                Path result = results.resolve(name);
                Files.createDirectories(result.getParent());
                Repair.apply(plan, result);
                all.add(noted(name, plan.after(), result));
            }
        }
        return all;
    }

    private static String part(String cell, int number) {
        return cell.split("/")[number];
    }

    /// Empty when there is nothing to do, or when it is refused.
    private static Optional<RepairPlan> plan(Path source, RepairOptions options) {
        try {
            return Optional.of(Repair.plan(source, options)).filter(plan -> !plan.changesNothing());
        } catch (BowlineException _) {
            return Optional.empty();
        }
    }

    /// What the result depends on.
    private static List<Object> meaning(String cell, RepairPlan plan) {
        String[] name = cell.split("/");
        return List.of(name[0], name[1], List.of(name).subList(3, name.length), plan.tied(), names(plan));
    }

    private static Map<String, List<String>> names(RepairPlan plan) {
        Map<String, List<String>> names = new TreeMap<>();
        plan.names().changed().forEach((at, now) -> names.put(at.key(), now));
        return names;
    }

    private static String content(Path directory) throws IOException {
        StringBuilder text = new StringBuilder();
        for (Path path : SourceFiles.list(directory)) {
            String name = String.valueOf(path.getFileName());
            if (name.endsWith(".safetensors")) {
                try (SafetensorsFile file = SafetensorsFile.open(path)) {
                    text.append(name).append(new TreeMap<>(file.metadata()));
                    new TreeMap<>(file.entries())
                            .forEach((key, entry) -> text.append(key)
                                    .append(entry.type())
                                    .append(entry.shape())
                                    .append(TensorHash.of(file.bytes(key))));
                } catch (BowlineException _) {
                    text.append(name).append(TensorHash.of(MemorySegment.ofArray(Files.readAllBytes(path))));
                }
            } else if (name.equals(SourceFiles.CONFIG) || name.equals(ShardIndex.FILE_NAME)) {
                text.append(name).append(Json.compact(Json.parse(path)));
            }
        }
        return TensorHash.of(MemorySegment.ofArray(text.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8)));
    }

    /// Leaves which tensors the script looks at, and what it copies into the record.
    private static Result noted(String name, TieAudit foreseen, Path directory) throws IOException {
        String content = content(directory);
        Files.writeString(
                directory.resolve("bowline_cell.json"),
                Json.pretty(JsonObject.of()
                        .with("head", foreseen.pair().headKey())
                        .with("embedding", foreseen.pair().embeddingKey())
                        .with("content", content)));
        return new Result(name, foreseen, directory, content);
    }
}
