package dev.bowline.model;

import java.util.List;
import java.util.function.Predicate;

/// A part of a model. Reports count parameters by component, and recipes freeze components.
public enum Component {
    EMBEDDINGS("embeddings"),
    PER_LAYER_EMBEDDINGS("per-layer embeddings"),
    ATTENTION("attention"),
    MLP("mlp"),
    ROUTER("router"),
    EXPERTS("experts"),
    NORMS("norms"),
    LM_HEAD("lm_head"),
    VISION_TOWER("vision tower"),
    AUDIO_TOWER("audio tower");

    /// A part of a tensor's name, and the component it stands for.
    ///
    /// @param isFound whether a name has the part
    private record Rule(Predicate<String> isFound, Component component) {

        static Rule contains(String part, Component component) {
            return new Rule(name -> name.contains(part), component);
        }

        static Rule endsWith(String part, Component component) {
            return new Rule(name -> name.endsWith(part), component);
        }
    }

    /// By the names that the families share. The first rule that applies decides.
    private static final List<Rule> RULES = List.of(
            Rule.contains("vision_tower.", VISION_TOWER),
            Rule.contains("embed_vision.", VISION_TOWER),
            Rule.contains("multi_modal_projector.", VISION_TOWER),
            Rule.contains("audio_tower.", AUDIO_TOWER),
            Rule.contains("embed_audio.", AUDIO_TOWER),
            Rule.contains("lm_head.", LM_HEAD),
            Rule.endsWith("embed_tokens.weight", EMBEDDINGS),
            Rule.contains("norm.", NORMS),
            Rule.contains("layernorm", NORMS),
            Rule.endsWith("layer_scalar", NORMS),
            Rule.contains("per_layer_", PER_LAYER_EMBEDDINGS),
            Rule.contains("embed_tokens_per_layer", PER_LAYER_EMBEDDINGS),
            Rule.contains(".router.", ROUTER),
            Rule.endsWith(".mlp.gate.weight", ROUTER),
            Rule.contains(".experts.", EXPERTS),
            Rule.contains(".self_attn.", ATTENTION));

    private final String text;

    Component(String text) {
        this.text = text;
    }

    /// The component of a tensor, by its name in a state dict.
    public static Component of(String tensorName) {
        return RULES.stream()
                .filter(rule -> rule.isFound().test(tensorName))
                .map(Rule::component)
                .findFirst()
                .orElse(MLP);
    }

    @Override
    public String toString() {
        return text;
    }
}
