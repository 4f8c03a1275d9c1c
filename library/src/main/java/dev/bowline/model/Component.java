package dev.bowline.model;

/// A part of a model that reports count and recipes freeze.
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

    private final String text;

    Component(String text) {
        this.text = text;
    }

    @Override
    public String toString() {
        return text;
    }
}
