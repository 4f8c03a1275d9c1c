package dev.bowline.audit.evidence;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.ties.TieSupport;
import java.util.Optional;

/// The ties that NeMo AutoModel supports for one architecture.
///
/// @param support empty for a class without a causal head
/// @param defaultTied the default of its config class, for a config.json without a flag at the level it reads
public record NemoPolicy(Optional<TieSupport> support, boolean defaultTied) {

    private static final String RESOURCE = "nemo-policies.json";

    static Optional<NemoPolicy> find(String architecture) {
        return table().optionalObject(architecture)
                .map(entry -> new NemoPolicy(
                        entry.optionalString("support").map(TieSupport::valueOf),
                        entry.requireBoolean("default_tied")));
    }

    static JsonObject table() {
        return Json.parse(TieTable.resource(RESOURCE), RESOURCE).asObject().requireObject("architectures");
    }
}
