package dev.bowline.adapter.format;

import java.util.List;
import java.util.Optional;

/// A tensor's name in a PEFT adapter: the module that it changes, and what it is of it.
///
/// @param module the base model's module, as the base's class names it
/// @param part which tensor of the adapter it is
public record AdapterKey(String module, Part part) {

    /// The tensors that PEFT writes for a module.
    public enum Part {
        LORA_A("lora_A.weight"),
        LORA_B("lora_B.weight"),
        LORA_B_BIAS("lora_B.bias"),
        MAGNITUDE("lora_magnitude_vector"),
        EMBEDDING_A("lora_embedding_A"),
        EMBEDDING_B("lora_embedding_B"),
        TOKENS("token_adapter.trainable_tokens_delta"),
        /// A whole copy of the module's weight or bias.
        COPY("");

        private final String ending;

        Part(String ending) {
            this.ending = ending;
        }
    }

    /// The prefix of every key that PEFT 0.21 writes.
    public static final String PREFIX = "base_model.model.";

    /// The text between a module's name and that of its copy.
    private static final List<String> COPIES = List.of(
            ".base_layer.weight", ".modules_to_save.default.weight", ".modules_to_save.weight", ".weight", ".bias");

    /// The key's meaning; empty for a key that PEFT does not write.
    public static Optional<AdapterKey> of(String key) {
        if (!key.startsWith(PREFIX)) {
            return Optional.empty();
        }
        String name = key.substring(PREFIX.length()).replace(".default.weight", ".weight");
        for (Part part : Part.values()) {
            String ending = "." + part.ending;
            if (part != Part.COPY && (name.endsWith(ending) || name.endsWith(ending + ".weight"))) {
                return Optional.of(new AdapterKey(name.substring(0, name.lastIndexOf(ending)), part));
            }
        }
        return name.contains("lora_") ? Optional.empty() : copy(name);
    }

    private static Optional<AdapterKey> copy(String name) {
        return COPIES.stream()
                .filter(name::endsWith)
                .findFirst()
                .map(ending -> new AdapterKey(name.substring(0, name.length() - ending.length()), Part.COPY));
    }

    /// The module without what PEFT nests into it for a second parameter of one module.
    public String plainModule() {
        return module.replace(".base_layer", "");
    }

    public boolean isExperts() {
        return plainModule().endsWith(".experts");
    }
}
