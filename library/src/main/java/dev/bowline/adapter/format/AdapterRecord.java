package dev.bowline.adapter.format;

import dev.bowline.BowlineException;
import dev.bowline.BowlineVersion;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/// Facts about an adapter that PEFT's files have no place for. The record is one entry of the metadata of
/// `adapter_model.safetensors`, which other readers ignore, so a copy of the two files keeps it.
///
/// @param base the base model's name on the hub, or its directory
/// @param identity the tensors of the base that the adapter was trained on
/// @param tieMode the meaning of the adapter on one of two tied modules
/// @param bowlineVersion the version that wrote the adapter
public record AdapterRecord(String base, BaseIdentity identity, TieMode tieMode, String bowlineVersion) {

    /// The record's key in the file's metadata.
    static final String METADATA = "bowline_adapter";

    /// A record of this version.
    public static AdapterRecord of(String base, BaseIdentity identity, TieMode tieMode) {
        return new AdapterRecord(base, identity, tieMode, BowlineVersion.current());
    }

    /// Refuses a base other than the one that the adapter was trained on.
    ///
    /// @param adapter the name of the adapter in the message
    /// @param found the tensors of the base at hand
    /// @throws BowlineException with the first tensor that differs
    public void requireBase(String adapter, BaseIdentity found) {
        switch (identity.difference(found).orElse(null)) {
            case null -> {}
            case BaseIdentity.Difference.NoCommonKey _ ->
                throw new BowlineException(
                        "the adapter %s was trained on %s, with which the base has no tensor in common"
                                .formatted(adapter, base),
                        "name the base model that the adapter was trained on");
            case BaseIdentity.Difference.Tensor(String key, String recorded, String now) ->
                throw new BowlineException(
                        "the adapter %s was trained on %s, and the base differs from it: '%s' is %s, and was %s"
                                .formatted(adapter, base, key, now, recorded),
                        "name the base model that the adapter was trained on");
        }
    }

    String text() {
        Map<String, JsonValue> tensors = new LinkedHashMap<>();
        identity.tensors().forEach((key, text) -> tensors.put(key, JsonValue.of(text)));
        return Json.compact(JsonObject.of()
                .with("version", bowlineVersion)
                .with("base", base)
                .with("base_hash", identity.hash())
                .with("tie_mode", tieMode.name().toLowerCase(Locale.ROOT))
                .with("base_tensors", JsonObject.of(tensors)));
    }

    /// @param source the adapter's file, for messages
    static Optional<AdapterRecord> of(Map<String, String> metadata, String source) {
        return Optional.ofNullable(metadata.get(METADATA)).map(text -> parse(text, source + " metadata"));
    }

    private static AdapterRecord parse(String text, String source) {
        JsonObject json = Json.parse(text, source).asObject();
        SequencedMap<String, String> tensors = new LinkedHashMap<>();
        json.requireObject("base_tensors").fields().forEach((key, value) -> tensors.put(key, value.asString()));
        JsonValue mode = json.require("tie_mode");
        AdapterRecord record = new AdapterRecord(
                json.requireString("base"), new BaseIdentity(tensors), tieMode(mode), json.requireString("version"));
        if (!record.identity.hash().equals(json.requireString("base_hash"))) {
            throw new BowlineException(
                    "%s: the record's base_hash is not that of its base_tensors".formatted(source),
                    "copy or save the adapter again: its file was changed");
        }
        return record;
    }

    private static TieMode tieMode(JsonValue value) {
        for (TieMode mode : TieMode.values()) {
            if (mode.name().toLowerCase(Locale.ROOT).equals(value.asString())) {
                return mode;
            }
        }
        throw value.mistyped("unchosen, shared or untie");
    }
}
