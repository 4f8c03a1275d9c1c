package dev.bowline.report;

import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.ties.TieGroup;
import dev.bowline.ties.TieLedger;
import java.util.Optional;

/// A tie ledger for people and for programs.
public final class TieLedgerReport {

    private static final int HASH_SHOWN = 16;

    private TieLedgerReport() {}

    public static String text(TieLedger ledger) {
        Table table = Table.ofFields();
        for (TieGroup group : ledger.groups()) {
            table.row(group.name(), group.aliases().isEmpty() ? "separate: a value of its own" : "tied: one value");
            table.row("  value", group.canonical());
            group.aliases().forEach(alias -> table.row("  also", alias));
            table.row(
                    "  because",
                    "%s is %s"
                            .formatted(group.flag().level().key(), group.flag().tied()));
            group.hashAtLoad().ifPresent(hash -> table.row("  loaded", shortened(hash)));
            group.hashAtSave().ifPresent(hash -> table.row("  saved", saved(group, hash)));
        }
        return "Tie ledger\n" + table.text();
    }

    public static JsonArray json(TieLedger ledger) {
        return JsonValue.of(ledger.groups().stream().map(TieLedgerReport::json).toList());
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

    private static String saved(TieGroup group, String hash) {
        boolean unchanged = group.hashAtLoad().filter(hash::equals).isPresent();
        return shortened(hash) + (unchanged ? " (unchanged)" : "") + ", read back and checked";
    }

    private static String shortened(String hash) {
        return "sha256 " + hash.substring(0, Math.min(HASH_SHOWN, hash.length()));
    }
}
