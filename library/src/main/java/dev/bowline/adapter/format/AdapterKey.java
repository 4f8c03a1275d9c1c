package dev.bowline.adapter.format;

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
        /// The table of an embedding or a head that has a pair of matrices. PEFT writes the base's table into the
        /// file; training does not change it.
        BASE_TABLE("base_layer.weight"),
        /// A whole copy of the module's weight (`modules_to_save`).
        COPY("weight"),
        /// A whole copy of the module's bias.
        COPY_BIAS("bias");

        private final String ending;

        Part(String ending) {
            this.ending = ending;
        }
    }

    /// The prefix of every key that PEFT 0.21 writes.
    public static final String PREFIX = "base_model.model.";

    /// The key's meaning; empty for a key that PEFT does not write.
    public static Optional<AdapterKey> of(String key) {
        if (!key.startsWith(PREFIX)) {
            return Optional.empty();
        }
        String name = key.substring(PREFIX.length())
                .replace(".default.weight", ".weight")
                .replace(".modules_to_save.default.", ".")
                .replace(".modules_to_save.", ".");
        for (Part part : Part.values()) {
            String ending = "." + part.ending;
            boolean isMatrix = part != Part.COPY && part != Part.COPY_BIAS;
            if (name.endsWith(ending) || isMatrix && name.endsWith(ending + ".weight")) {
                boolean isUnknown = !isMatrix && name.contains("lora_");
                return isUnknown
                        ? Optional.empty()
                        : Optional.of(new AdapterKey(name.substring(0, name.lastIndexOf(ending)), part));
            }
        }
        return Optional.empty();
    }

    /// The module without what PEFT nests into it for a second parameter of one module.
    public String plainModule() {
        return module.replace(".base_layer", "");
    }

    public boolean isExperts() {
        return plainModule().endsWith(".experts");
    }
}
