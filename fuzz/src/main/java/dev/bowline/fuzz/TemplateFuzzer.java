package dev.bowline.fuzz;

import dev.bowline.BowlineException;
import dev.bowline.text.jinja.Template;
import dev.bowline.text.jinja.Value;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.List;
import java.util.Map;

/// Any chat template renders or is refused with a message, within the budget of a rendering.
public final class TemplateFuzzer {

    private static final Map<String, Value> VARIABLES = Map.of(
            "messages",
            Value.list(List.of(
                    Value.mapping(Map.of("role", Value.of("user"), "content", Value.of("hi"))),
                    Value.mapping(Map.of("role", Value.of("assistant"), "content", Value.of("yes"))))),
            "add_generation_prompt",
            Value.TRUE,
            "bos_token",
            Value.of("<bos>"));

    private TemplateFuzzer() {}

    /// Called by Jazzer with bytes of its choice: the template.
    public static void fuzzerTestOneInput(byte[] bytes) {
        try {
            Template.parse("chat_template.jinja", new String(bytes, StandardCharsets.UTF_8))
                    .render(VARIABLES, Clock.systemUTC());
        } catch (BowlineException refused) {
            Scratch.requireWords(refused);
        }
    }
}
