package dev.bowline.report;

import dev.bowline.adapter.AdapterInspection;
import dev.bowline.adapter.AdapterInspection.BaseMatch;

/// The contents of an adapter, and its fit with a base model.
public final class AdapterInspectionText implements TextRenderer<AdapterInspection> {

    private static final int HASH_SHOWN = 16;

    @Override
    public String text(AdapterInspection adapter) {
        Table table = Table.ofFields()
                .row("directory", adapter.directory().toString())
                .row("in the file", Quantity.bytes(adapter.bytes()));
        adapter.record()
                .ifPresent(record -> table.row("trained on", record.base())
                        .row("", "sha256 " + record.identity().hash().substring(0, HASH_SHOWN))
                        .row("written by", "Bowline " + record.bowlineVersion()));
        table.row(
                "tie mode",
                switch (adapter.config().tieMode()) {
                    case UNCHOSEN -> "none chosen";
                    case SHARED -> "shared: embedding and head stay one value";
                    case UNTIE -> "untie: embedding and head part";
                });
        table.row(
                "base",
                switch (adapter.base()) {
                    case BaseMatch.Same _ -> "the same: every tensor has the recorded checksum";
                    case BaseMatch.NotRecorded _ -> "not recorded: names and shapes fit";
                    case BaseMatch.Other other -> "another: " + other.problem();
                });
        if (adapter.zeroMatrices() > 0) {
            table.row(
                    "no effect",
                    "%s of the matrices A and B are all zero: their modules do not change"
                            .formatted(Quantity.count(adapter.zeroMatrices())));
        }
        return "Adapter %s\n".formatted(adapter.name()) + table.text() + "\n"
                + new AdapterText().text(adapter.summary());
    }
}
