package dev.bowline.adapter.format;

import java.util.List;

/// The name of a module of a language model, which begins differently in a class for text and in one that wraps it.
public final class ModuleName {

    private static final List<String> PREFIXES = List.of("model.language_model.", "language_model.model.", "model.");

    private ModuleName() {}

    /// The name after the class's prefix, such as `layers.0.self_attn.q_proj`.
    public static String body(String module) {
        return PREFIXES.stream()
                .filter(module::startsWith)
                .findFirst()
                .map(prefix -> module.substring(prefix.length()))
                .orElse(module);
    }

    /// The last name, such as `q_proj`.
    public static String last(String module) {
        return module.substring(module.lastIndexOf('.') + 1);
    }
}
