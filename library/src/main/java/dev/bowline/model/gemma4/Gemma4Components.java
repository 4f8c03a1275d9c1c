package dev.bowline.model.gemma4;

import dev.bowline.model.Component;

/// Which part of a Gemma 4 model a tensor belongs to, by its name.
final class Gemma4Components {

    private Gemma4Components() {}

    static Component of(String name) {
        if (name.contains("vision_tower.") || name.contains("embed_vision.")) {
            return Component.VISION_TOWER;
        }
        if (name.contains("audio_tower.") || name.contains("embed_audio.")) {
            return Component.AUDIO_TOWER;
        }
        if (name.startsWith("lm_head.")) {
            return Component.LM_HEAD;
        }
        if (name.endsWith("embed_tokens.weight")) {
            return Component.EMBEDDINGS;
        }
        if (name.contains("norm.") || name.contains("layernorm") || name.endsWith("layer_scalar")) {
            return Component.NORMS;
        }
        if (name.contains("per_layer_") || name.contains("embed_tokens_per_layer")) {
            return Component.PER_LAYER_EMBEDDINGS;
        }
        if (name.contains(".router.")) {
            return Component.ROUTER;
        }
        if (name.contains(".experts.")) {
            return Component.EXPERTS;
        }
        return name.contains(".self_attn.") ? Component.ATTENTION : Component.MLP;
    }
}
