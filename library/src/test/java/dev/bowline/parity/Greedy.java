package dev.bowline.parity;

import dev.bowline.fixtures.Golden;
import dev.bowline.generate.Generation;
import dev.bowline.generate.GenerationSettings;
import dev.bowline.generate.TokenListener;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import java.util.Arrays;
import java.util.List;

/// A greedy continuation with cache next to that of transformers with its own.
///
/// @param expected how many tokens transformers gave
/// @param equal how many of them, from the first on, are Bowline's too
/// @param pastWindow positions between the end of the first sliding window and the last token; all of them without one
record Greedy(int expected, int equal, int pastWindow) {

    /// How far past the window a continuation must reach to prove that the cache slides.
    static final int PAST_WINDOW = 64;

    static Greedy continued(LanguageModel model, Fixture fixture) {
        Golden reference = fixture.reference();
        int[] prompt = Arrays.stream(reference.longs("greedy.prompt"))
                .mapToInt(Math::toIntExact)
                .toArray();
        long[] expected = reference.longs("greedy.tokens");
        try (Generation generation = new Generation(model)) {
            List<Integer> tokens = generation
                    .generate(prompt, GenerationSettings.greedy(expected.length), TokenListener.NONE)
                    .tokens();
            int equal = 0;
            while (equal < Math.min(tokens.size(), expected.length) && tokens.get(equal) == expected[equal]) {
                equal++;
            }
            return new Greedy(expected.length, equal, prompt.length + expected.length - window(fixture.config()));
        }
    }

    private static int window(JsonObject config) {
        return config.optionalObject("text_config")
                .orElse(config)
                .optionalInt("sliding_window")
                .orElse(0);
    }
}
