package dev.bowline.audit.evidence;

import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/// Which keys could be a head or an input embedding, by their names alone.
public final class Candidates {

    /// Endings without `.weight`, the likeliest first.
    static final List<String> HEADS = List.of(
            "lm_head",
            "embed_out",
            "proj_out",
            "output_layer",
            "lm_head.decoder",
            "cls.predictions.decoder",
            "output",
            "head",
            "unembed",
            "proj");

    static final List<String> EMBEDDINGS = List.of(
            "embed_tokens",
            "wte",
            "word_embeddings",
            "shared",
            "backbone.embeddings",
            "tok_embeddings",
            "embed_in",
            "word_embedding",
            "tokens_embed",
            "input_embedding",
            "embedding",
            "embed");

    /// Heads only when they stand alone or under a known prefix: inside a layer these names mean something else.
    private static final List<String> SHORT_HEADS = List.of("output", "head", "unembed", "proj");
    private static final List<String> SHORT_EMBEDDINGS = List.of("embedding", "embed");

    public static final List<String> PREFIXES = List.of(
            "",
            "model.",
            "model.language_model.",
            "language_model.",
            "language_model.model.",
            "model.language_model.model.",
            "decoder.",
            "model.decoder.",
            "backbone.",
            "thinker.",
            "thinker.model.",
            "transformer.",
            "model.text_model.");

    private static final Pattern AUXILIARY = Pattern.compile(
            "(^|[._])(mtp|nextn|draft|eagle\\d*|medusa\\w*|talker|code_predictor|audio\\w*|vision\\w*|visual|speech\\w*"
                    + "|image\\w*|encoder_audio|layers|h|blocks)([._]|$)");

    private static final List<String> QUANTISED_SUFFIXES = List.of(
            "qweight",
            "qzeros",
            "scales",
            "g_idx",
            "weight_packed",
            "weight_scale",
            "weight_scale_inv",
            "weight_shape",
            "weight_zero_point",
            "weight.absmax",
            "weight.quant_map",
            "weight.nested_absmax",
            "weight.nested_quant_map",
            "weight.quant_state.bitsandbytes__nf4",
            "weight.quant_state.bitsandbytes__fp4",
            "weight_format",
            "SCB");

    private Candidates() {}

    /// Which role the key's name suggests and how well; the lower the rank the better.
    record Guess(Role role, String key, String stem, int rank, boolean auxiliary) {}

    static Optional<Guess> guess(String key) {
        if (!key.endsWith(".weight")) {
            return Optional.empty();
        }
        String stem = key.substring(0, key.length() - ".weight".length());
        if (stem.endsWith("embed_tokens_per_layer") || stem.endsWith("relative_attention_bias")) {
            return Optional.empty();
        }
        int head = ending(stem, HEADS, SHORT_HEADS);
        if (head >= 0) {
            return Optional.of(guess(Role.HEAD, key, stem, HEADS.get(head), head));
        }
        int embedding = ending(stem, EMBEDDINGS, SHORT_EMBEDDINGS);
        return embedding < 0
                ? Optional.empty()
                : Optional.of(guess(Role.EMBEDDING, key, stem, EMBEDDINGS.get(embedding), embedding));
    }

    private static Guess guess(Role role, String key, String stem, String ending, int order) {
        String prefix = stem.substring(0, stem.length() - ending.length());
        int place = PREFIXES.indexOf(prefix);
        boolean auxiliary = AUXILIARY.matcher(prefix).find();
        return new Guess(role, key, stem, 100 * (place < 0 ? PREFIXES.size() : place) + order, auxiliary);
    }

    private static int ending(String stem, List<String> endings, List<String> onlyKnownPrefix) {
        for (int i = 0; i < endings.size(); i++) {
            String ending = endings.get(i);
            if (stem.equals(ending) || stem.endsWith("." + ending)) {
                String prefix = stem.substring(0, stem.length() - ending.length());
                if (!onlyKnownPrefix.contains(ending) || PREFIXES.contains(prefix)) {
                    return i;
                }
            }
        }
        return -1;
    }

    /// The names under which quantised forms of `stem` keep their numbers.
    static List<String> quantisedKeys(String stem) {
        return QUANTISED_SUFFIXES.stream().map(suffix -> stem + "." + suffix).toList();
    }

    /// The stem of a quantised tensor's main part, `lm_head` of `lm_head.qweight`.
    static Optional<String> quantisedStem(String key) {
        for (String main : List.of(".qweight", ".weight_packed")) {
            if (key.endsWith(main)) {
                return Optional.of(key.substring(0, key.length() - main.length()));
            }
        }
        return Optional.empty();
    }
}
