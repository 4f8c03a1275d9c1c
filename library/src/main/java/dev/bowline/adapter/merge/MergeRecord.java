package dev.bowline.adapter.merge;

import dev.bowline.BowlineException;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.checkpoint.CheckpointRewrite;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/// The origin of a merged checkpoint, stored in it as `bowline_merge.json`.
///
/// @param base the name or directory of the base
/// @param baseHash the hash of the base's tensors
/// @param adapter the directory of the adapter
/// @param adapterHash the SHA-256 of the adapter's file of tensors
/// @param deltas the number of changes that were added
record MergeRecord(
        String version,
        String base,
        String baseHash,
        String adapter,
        String adapterHash,
        TieMode tieMode,
        long deltas) {

    /// The record of a checkpoint; empty for one that is no merge.
    static Optional<MergeRecord> read(Path directory) {
        Path file = directory.resolve(CheckpointRewrite.RECORD);
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        JsonObject json = Json.parse(file).asObject();
        String mode = json.requireString("tie_mode");
        return Optional.of(new MergeRecord(
                json.requireString("version"),
                json.requireString("base"),
                json.requireString("base_hash"),
                json.requireString("adapter"),
                json.requireString("adapter_sha256"),
                TieMode.valueOf(mode.toUpperCase(Locale.ROOT)),
                json.requireLong("deltas")));
    }

    JsonObject json() {
        return JsonObject.of()
                .with("version", version)
                .with("base", base)
                .with("base_hash", baseHash)
                .with("adapter", adapter)
                .with("adapter_sha256", adapterHash)
                .with("tie_mode", tieMode.name().toLowerCase(Locale.ROOT))
                .with("deltas", deltas);
    }

    /// Refuses a base that has the adapter already.
    static void requireUnmerged(Path base, String adapterHash) {
        read(base).filter(record -> record.adapterHash.equals(adapterHash)).ifPresent(record -> {
            throw new BowlineException(
                    "%s is a merge of this adapter into %s already".formatted(base, record.base),
                    "use %s without the adapter, or name the base %s".formatted(base, record.base));
        });
    }
}
