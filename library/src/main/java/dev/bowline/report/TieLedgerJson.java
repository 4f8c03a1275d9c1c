package dev.bowline.report;

import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.ties.TieGroup;
import dev.bowline.ties.TieLedger;
import java.util.Optional;

/// The tie ledger: which tensors are one value, and by which flag.
public final class TieLedgerJson implements JsonRenderer<TieLedger> {

    @Override
    public JsonArray json(TieLedger ledger) {
        return JsonValue.of(ledger.groups().stream().map(TieLedgerJson::json).toList());
    }

    private static JsonObject json(TieGroup group) {
        return JsonObject.of()
                .with("name", group.name())
                .with("tied", !group.aliases().isEmpty())
                .with("canonical", group.canonical())
                .with("aliases", JsonArray.ofStrings(group.aliases()))
                .with("flag", group.flag().tied())
                .with("flag_from", group.flag().level().key())
                .with("sha256_at_load", orAbsent(group.hashAtLoad()))
                .with("sha256_at_save", orAbsent(group.hashAtSave()));
    }

    private static JsonValue orAbsent(Optional<String> text) {
        return text.isPresent() ? JsonValue.of(text.get()) : JsonValue.absent();
    }
}
