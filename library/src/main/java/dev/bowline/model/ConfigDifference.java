package dev.bowline.model;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// The difference between the config.json of a class that is not built and one that an architecture reads.
///
/// @param notBuilt features that the config turns on and the architecture refuses, with their values
/// @param notRead keys that the architecture does not read
/// @param refused a further refusal of the architecture; empty where the rest is read
public record ConfigDifference(
        Architecture architecture, List<String> notBuilt, List<String> notRead, Optional<String> refused) {

    /// A value that no key can have, so that a reader that asks for the key refuses it.
    private static final String IMPOSSIBLE = "\0";

    /// Keys of every class, which say nothing about what a model computes.
    private static final Set<String> OF_EVERY_CLASS = Set.of(
            "_name_or_path",
            "_attn_implementation",
            "_attn_implementation_autoset",
            "architectures",
            "auto_map",
            "model_type",
            "transformers_version",
            "dtype",
            "torch_dtype",
            "return_dict",
            "output_attentions",
            "output_hidden_states",
            "use_cache",
            "cache_implementation",
            "problem_type",
            "id2label",
            "label2id",
            "bos_token_id",
            "eos_token_id",
            "is_encoder_decoder",
            "is_decoder",
            "chunk_size_feed_forward",
            "pretraining_tp",
            "router_aux_loss_coef",
            "tokenizer_class",
            "tie_word_embeddings");

    public ConfigDifference {
        notBuilt = List.copyOf(notBuilt);
        notRead = List.copyOf(notRead);
    }

    public static ConfigDifference between(Architecture architecture, JsonObject config) {
        List<String> active = FeatureKeys.active(config);
        JsonObject plain = config;
        for (String key : active) {
            plain = plain.without(key);
        }
        Optional<String> refused = problem(architecture, plain);
        List<String> notBuilt = new ArrayList<>();
        List<String> notRead = new ArrayList<>();
        if (refused.isEmpty()) {
            JsonObject rest = plain;
            for (String key : active) {
                JsonObject with = rest.with(key, config.require(key));
                if (problem(architecture, with).isPresent()) {
                    notBuilt.add("%s %s".formatted(key, Json.compact(config.require(key))));
                } else {
                    rest = with;
                }
            }
            for (String key : rest.keys()) {
                boolean hasValue = !OF_EVERY_CLASS.contains(key) && !(rest.require(key) instanceof JsonNull);
                if (hasValue
                        && problem(architecture, rest.with(key, IMPOSSIBLE)).isEmpty()) {
                    notRead.add(key);
                }
            }
        }
        return new ConfigDifference(architecture, notBuilt, notRead, refused);
    }

    /// The distance of the config from the family's: least for one whose `model_type` it has, most for one that
    /// does not read it at all.
    public int distance(JsonObject config) {
        boolean named = config.optionalString("model_type")
                .filter(architecture.modelType()::equals)
                .isPresent();
        return (named ? 0 : 1000) + (refused.isPresent() ? 500 : 0) + notBuilt.size() + notRead.size();
    }

    /// The difference, as the end of a sentence.
    public String describe() {
        if (refused.isPresent()) {
            return "this is not its config.json: " + refused.get();
        }
        List<String> parts = new ArrayList<>();
        if (!notBuilt.isEmpty()) {
            parts.add("it does not build " + String.join(", ", notBuilt));
        }
        if (!notRead.isEmpty()) {
            parts.add("it does not know " + String.join(", ", notRead));
        }
        return parts.isEmpty()
                ? "config.json differs from its only in the name of the class, which may compute something else"
                : String.join("; ", parts);
    }

    /// The first problem or note of the architecture.
    private static Optional<String> problem(Architecture architecture, JsonObject config) {
        ConfigFindings findings = new ConfigFindings();
        try {
            architecture.read(config, findings);
            return findings.notes().sequencedValues().stream().findFirst();
        } catch (BowlineException e) {
            return Optional.of(e.problem());
        }
    }
}
