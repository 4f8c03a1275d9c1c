package dev.bowline.checkpoint;

import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.TiedWeights;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieGroup;
import dev.bowline.ties.TieLedger;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// `bowline_ties.json`: the tie ledger of a checkpoint. Names are those of the files.
final class TieLedgerFile {

    private TieLedgerFile() {}

    /// The ledger of a frozen base: the tie in the base, with the hash of the value in the file of the base.
    static TieLedger ofBase(Checkpoint base, LanguageModel model) {
        String embedding = model.inputEmbedding().path();
        Optional<String> key = CheckpointMapping.of(base, model).key(embedding);
        boolean isOne = TiedWeights.isOne(model.lmHead(), model.inputEmbedding());
        return new TieLedger(List.of(new TieGroup(
                "lm_head",
                key.orElse(embedding),
                isOne ? List.of(model.lmHead().path()) : List.of(),
                model.tieFlag(),
                key.map(base::hash),
                Optional.empty())));
    }

    static String text(TieLedger ledger) {
        return Json.pretty(JsonObject.of()
                .with(
                        "groups",
                        JsonValue.of(ledger.groups().stream()
                                .map(TieLedgerFile::json)
                                .toList())));
    }

    static TieLedger read(Path directory) {
        JsonArray groups =
                Json.parse(directory.resolve(TieLedger.FILE_NAME)).asObject().requireArray("groups");
        return new TieLedger(groups.objects().stream().map(TieLedgerFile::group).toList());
    }

    private static JsonObject json(TieGroup group) {
        TieFlag flag = group.flag();
        return JsonObject.of()
                .with("name", group.name())
                .with("canonical", group.canonical())
                .with("aliases", JsonArray.ofStrings(group.aliases()))
                .with(
                        "flag",
                        JsonObject.of()
                                .with("value", flag.tied())
                                .with("level", level(flag.level()))
                                .with("key", flag.level().key()))
                .with("hash_at_load", hash(group.hashAtLoad()))
                .with("hash_at_save", hash(group.hashAtSave()));
    }

    private static TieGroup group(JsonObject json) {
        JsonObject flag = json.requireObject("flag");
        JsonValue written = flag.require("level");
        TieFlag.Level level = Arrays.stream(TieFlag.Level.values())
                .filter(each -> level(each).equals(written.asString()))
                .findFirst()
                .orElseThrow(() -> written.mistyped("a level of config.json"));
        return new TieGroup(
                json.requireString("name"),
                json.requireString("canonical"),
                json.requireArray("aliases").strings(),
                new TieFlag(flag.requireBoolean("value"), level),
                json.optionalString("hash_at_load"),
                json.optionalString("hash_at_save"));
    }

    private static String level(TieFlag.Level level) {
        return level.name().toLowerCase(Locale.ROOT);
    }

    private static JsonValue hash(Optional<String> hash) {
        return hash.<JsonValue>map(JsonValue::of).orElse(JsonValue.absent());
    }
}
