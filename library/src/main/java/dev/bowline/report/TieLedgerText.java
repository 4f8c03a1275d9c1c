package dev.bowline.report;

import dev.bowline.ties.TieGroup;
import dev.bowline.ties.TieLedger;

/// The tie ledger: which tensors are one value, and by which flag.
public final class TieLedgerText implements TextRenderer<TieLedger> {

    private static final int HASH_SHOWN = 16;

    @Override
    public String text(TieLedger ledger) {
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

    private static String saved(TieGroup group, String hash) {
        boolean unchanged = group.hashAtLoad().filter(hash::equals).isPresent();
        return shortened(hash) + (unchanged ? " (unchanged)" : "") + ", read back and checked";
    }

    private static String shortened(String hash) {
        return "sha256 " + hash.substring(0, Math.min(HASH_SHOWN, hash.length()));
    }
}
