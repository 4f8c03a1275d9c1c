package dev.bowline.audit;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.ShardIndex;
import dev.bowline.safetensors.ShardPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;

/// Recorded checkpoints with one more thing wrong, which a repair puts right before it decides the tie.
public final class DamagedCells {

    /// What is wrong with a checkpoint.
    ///
    /// @param cells in which it can be, as a pattern of files and state
    /// @param options of [RepairedCells#OPTIONS] that are about it
    public record Damage(String name, String cells, Set<String> options, Edit edit) {

        /// One flat and one nested config, with one word at every level.
        public boolean fits(String cell) {
            return cell.matches("(llama/.*/(true|false)|gemma3/sharded/(true-true|false-false))/.*")
                    && cell.matches("[^/]*/" + cells.replace("/", "/[^/]*/"));
        }

        public Path write(RecordedCells record, String cell, Path directory) throws IOException {
            record.write(cell, directory);
            JsonObject family = record.family(cell);
            boolean isSharded = cell.contains("/sharded/");
            edit.damage(new Checkpoint(
                    directory,
                    new EditedFile(directory.resolve(isSharded ? FIRST : ShardPlan.SINGLE_FILE)),
                    directory.resolve(isSharded ? SECOND : ShardPlan.SINGLE_FILE),
                    family.requireString("head"),
                    family.requireString("embedding")));
            return directory;
        }
    }

    @FunctionalInterface
    private interface Edit {
        void damage(Checkpoint checkpoint) throws IOException;
    }

    /// @param file with the embedding
    /// @param second with the head; the same file when there is one
    private record Checkpoint(Path directory, EditedFile file, Path second, String head, String embedding) {

        void renameHead(String to) throws IOException {
            new EditedFile(second).rename(head, to).write();
            map(names -> names.without(head).with(to, names.requireString(head)));
        }

        void prefixEveryName(String prefix) throws IOException {
            file.header(header -> prefixed(header, prefix)).write();
            if (second.endsWith(SECOND)) {
                new EditedFile(second)
                        .header(header -> prefixed(header, prefix))
                        .write();
            }
            map(names -> prefixed(names, prefix));
        }

        private static JsonObject prefixed(JsonObject before, String prefix) {
            JsonObject after = JsonObject.of();
            for (String key : before.fields().keySet()) {
                after = after.with(
                        key.startsWith("__") ? key : prefix + key,
                        before.get(key).orElseThrow());
            }
            return after;
        }

        /// Says in the index, where there is one, which file has which tensor.
        void map(UnaryOperator<JsonObject> edit) throws IOException {
            Path path = directory.resolve(ShardIndex.FILE_NAME);
            if (Files.exists(path)) {
                JsonObject index = Json.parse(path).asObject();
                JsonObject map = edit.apply(index.requireObject("weight_map"));
                Files.writeString(path, Json.pretty(index.with("weight_map", map)));
            }
        }
    }

    private static final String FIRST = "model-00001-of-00002.safetensors";
    private static final String SECOND = "model-00002-of-00002.safetensors";
    private static final Set<String> LOSSLESS = Set.of("lossless");
    private static final Set<String> DECIDED = Set.of("lossless", "untied", "keep_embedding");

    public static final List<Damage> ALL = List.of(
            new Damage(
                    "bytes_after",
                    ".*/(embed_only|both_.*)",
                    LOSSLESS,
                    of -> of.file().append(12).write()),
            new Damage(
                    "bytes_before",
                    ".*/(embed_only|both_.*)",
                    LOSSLESS,
                    of -> of.file().push(8).write()),
            new Damage(
                    "number_in_metadata",
                    ".*/(embed_only|both_.*)",
                    LOSSLESS,
                    of -> of.file()
                            .header(header -> header.with(
                                    "__metadata__",
                                    JsonObject.of().with("format", "pt").with("step", 3L)))
                            .write()),
            new Damage("two_names_of_one_range", ".*/embed_only", LOSSLESS, of -> {
                of.file()
                        .header(header -> header.with(of.head(), header.requireObject(of.embedding())))
                        .write();
                of.map(map -> map.with(of.head(), FIRST));
            }),
            new Damage(
                    "twice",
                    "sharded/both_.*",
                    LOSSLESS,
                    of -> new EditedFile(of.second())
                            .add(of.embedding(), of.file())
                            .write()),
            new Damage("module_prefix", ".*/(embed_only|both_.*)", LOSSLESS, of -> of.prefixEveryName("module.")),
            new Damage("compiled_prefix", ".*/(embed_only|both_.*)", LOSSLESS, of -> of.prefixEveryName("_orig_mod.")),
            new Damage("head_elsewhere", ".*/both_.*", DECIDED, of -> of.renameHead("decoder.lm_head.weight")),
            new Damage("head_twice_elsewhere", "single/both_.*", DECIDED, of -> {
                of.renameHead("decoder.lm_head.weight");
                EditedFile file = new EditedFile(of.second());
                file.copy("decoder.lm_head.weight", "transformer.lm_head.weight")
                        .write();
            }),
            new Damage(
                    "placeholder",
                    ".*/(embed_only|both_.*)",
                    LOSSLESS,
                    of -> of.file().empty(of.embedding()).write()),
            new Damage(
                    "dead_rows",
                    ".*/both_differ",
                    Set.of("rebuild_rows"),
                    of -> of.file()
                            .fillRow(of.embedding(), 5, 0)
                            .fillRow(of.embedding(), 9, Float.NaN)
                            .write()));

    private DamagedCells() {}
}
