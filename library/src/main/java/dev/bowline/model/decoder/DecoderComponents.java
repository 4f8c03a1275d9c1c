package dev.bowline.model.decoder;

import dev.bowline.model.Component;

/// Which part of a model a tensor belongs to, by the names that the families share.
final class DecoderComponents {

    private DecoderComponents() {}

    static Component of(String name) {
        if (name.contains("vision_tower.") || name.contains("multi_modal_projector.")) {
            return Component.VISION_TOWER;
        }
        if (name.contains("lm_head.")) {
            return Component.LM_HEAD;
        }
        if (name.endsWith("embed_tokens.weight")) {
            return Component.EMBEDDINGS;
        }
        if (name.endsWith("norm.weight")) {
            return Component.NORMS;
        }
        if (name.endsWith(".mlp.gate.weight")) {
            return Component.ROUTER;
        }
        if (name.contains(".mlp.experts.")) {
            return Component.EXPERTS;
        }
        return name.contains(".self_attn.") ? Component.ATTENTION : Component.MLP;
    }
}
