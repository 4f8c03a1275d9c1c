package dev.bowline.generate;

import dev.bowline.BowlineException;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonBoolean;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import dev.bowline.text.StopTokens;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.SequencedMap;
import java.util.Set;
import java.util.function.DoubleFunction;
import java.util.function.IntFunction;
import java.util.function.Supplier;

/// The settings of a generation_config.json, with the meaning that they have in transformers. An invalid value is
/// refused with its place in the file.
final class GenerationConfig {

    /// The defaults of transformers.
    private static final Sampling.Sampled DEFAULT_SAMPLED = new Sampling.Sampled(1.0, 50, 1.0, 0.0, 0);

    /// Keys that change the output of transformers and that Bowline does not apply, with the values that have no
    /// effect.
    private static final SequencedMap<String, Set<Double>> NOT_APPLIED = new LinkedHashMap<>();

    /// The subset of these keys that has an effect in sampling only.
    private static final Set<String> SAMPLING_KEYS = Set.of("typical_p", "epsilon_cutoff", "eta_cutoff", "top_h");

    static {
        NOT_APPLIED.put("num_beams", Set.of(1.0));
        NOT_APPLIED.put("num_return_sequences", Set.of(1.0));
        NOT_APPLIED.put("penalty_alpha", Set.of(0.0));
        NOT_APPLIED.put("guidance_scale", Set.of(1.0));
        NOT_APPLIED.put("encoder_repetition_penalty", Set.of(1.0));
        NOT_APPLIED.put("encoder_no_repeat_ngram_size", Set.of(0.0));
        NOT_APPLIED.put("typical_p", Set.of(1.0));
        NOT_APPLIED.put("epsilon_cutoff", Set.of(0.0, 1.0));
        NOT_APPLIED.put("eta_cutoff", Set.of(0.0, 1.0));
        for (String key : List.of(
                "top_h",
                "sequence_bias",
                "constraints",
                "force_words_ids",
                "forced_bos_token_id",
                "forced_eos_token_id",
                "exponential_decay_length_penalty",
                "stop_strings",
                "watermarking_config",
                "dola_layers",
                "token_healing",
                "max_time")) {
            NOT_APPLIED.put(key, Set.of());
        }
    }

    private static final GenerationSettings PLAIN = GenerationSettings.greedy(1);

    /// The default of `max_length`.
    private static final int DEFAULT_MAX_LENGTH = 20;

    private static final int LONGEST_SHOWN = 60;

    private final JsonObject file;

    GenerationConfig(JsonObject file) {
        this.file = file;
    }

    /// @param config config.json, which gives the stop tokens if the file names none
    GenerationSettings settings(JsonObject config) {
        return new GenerationSettings(
                number("max_new_tokens", GenerationSettings.DEFAULT_MAX_NEW_TOKENS, PLAIN::withMaxNewTokens),
                StopTokens.of(config, Optional.of(file)),
                StopTokens.ids(file, "suppress_tokens"),
                decimal("repetition_penalty", 1.0, PLAIN::withRepetitionPenalty),
                constraints(),
                file.optionalBoolean("do_sample").orElse(false) ? sampled() : new Sampling.Greedy());
    }

    /// The sampling settings of the file, even if the file asks for greedy decoding.
    Sampling.Sampled sampled() {
        Sampling.Sampled usual = DEFAULT_SAMPLED;
        return new Sampling.Sampled(
                decimal("temperature", usual.temperature(), usual::withTemperature),
                number("top_k", usual.topK(), usual::withTopK),
                decimal("top_p", usual.topP(), usual::withTopP),
                decimal("min_p", usual.minP(), usual::withMinP),
                usual.seed());
    }

    private Constraints constraints() {
        return new Constraints(
                number("min_new_tokens", 0, least -> new Constraints(least, 0, 0, List.of(), Set.of())),
                number("min_length", 0, least -> new Constraints(0, least, 0, List.of(), Set.of())),
                number("no_repeat_ngram_size", 0, size -> new Constraints(0, 0, size, List.of(), Set.of())),
                badWords(),
                StopTokens.ids(file, "begin_suppress_tokens"));
    }

    private List<List<Integer>> badWords() {
        List<List<Integer>> words =
                file.optionalArray("bad_words_ids").map(JsonArray::arrays).orElseGet(List::of).stream()
                        .map(JsonArray::ints)
                        .toList();
        if (!words.isEmpty()) {
            requireSound("bad_words_ids", () -> new Constraints(0, 0, 0, words, Set.of()));
        }
        return words;
    }

    private int number(String key, int otherwise, IntFunction<?> check) {
        OptionalInt value = file.optionalInt(key);
        value.ifPresent(given -> requireSound(key, () -> check.apply(given)));
        return value.orElse(otherwise);
    }

    private double decimal(String key, double otherwise, DoubleFunction<?> check) {
        OptionalDouble value = file.optionalDouble(key);
        value.ifPresent(given -> requireSound(key, () -> check.apply(given)));
        return value.orElse(otherwise);
    }

    /// Adds the place of a refused value to its error.
    private void requireSound(String key, Supplier<?> check) {
        try {
            var _ = check.get();
        } catch (BowlineException e) {
            throw new BowlineException(
                    "%s: %s: %s".formatted(file.require(key).location().position(), key, e.problem()), e.fix(), e);
        }
    }

    /// The settings of the file that are not applied, as `key value`, in the order of the file.
    List<String> notApplied() {
        boolean draws = file.optionalBoolean("do_sample").orElse(false);
        List<String> names = new ArrayList<>();
        file.fields().forEach((key, value) -> {
            boolean matters = NOT_APPLIED.containsKey(key) && (draws || !SAMPLING_KEYS.contains(key));
            if (matters && !asksForNothing(value, NOT_APPLIED.getOrDefault(key, Set.of()))) {
                names.add(key + " " + shortened(value.toString()));
            }
        });
        if (file.optionalInt("max_length").orElse(DEFAULT_MAX_LENGTH) != DEFAULT_MAX_LENGTH
                && !isGiven("max_new_tokens")) {
            names.add("max_length " + file.optionalInt("max_length").getAsInt());
        }
        return names;
    }

    private boolean isGiven(String key) {
        return file.get(key).filter(value -> !(value instanceof JsonNull)).isPresent();
    }

    private static boolean asksForNothing(JsonValue value, Set<Double> neutral) {
        return switch (value) {
            case JsonNull _ -> true;
            case JsonNumber number -> neutral.contains(number.asDouble());
            case JsonArray array -> array.size() == 0;
            case JsonObject object -> object.keys().isEmpty();
            case JsonBoolean on -> !on.value();
            case JsonString _ -> false;
        };
    }

    private static String shortened(String text) {
        return text.length() > LONGEST_SHOWN ? text.substring(0, LONGEST_SHOWN) + "…" : text;
    }
}
