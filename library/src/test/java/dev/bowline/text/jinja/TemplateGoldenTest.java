package dev.bowline.text.jinja;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.text.JsonValues;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Templates print what jinja2 prints, byte for byte, and fail where and as it fails.
/// The golden files are made by tools/make_template_golden.py.
class TemplateGoldenTest {

    private static final Path RESOURCES = Path.of("src/test/resources/jinja");
    private static final JsonObject CHAT =
            Json.parse(RESOURCES.resolve("chat.json")).asObject();
    private static final JsonObject EXPRESSIONS =
            Json.parse(RESOURCES.resolve("expressions.json")).asObject();

    /// Failures whose message a template's author or user reads, so it is the same as jinja2's.
    private static final Set<String> SAME_MESSAGE =
            Set.of("TemplateError", "UndefinedError", "SecurityError", "TypeError", "ZeroDivisionError");

    /// Messages that name Python's own machinery; ours say the same in their own words.
    private static final Set<String> OWN_WORDS =
            Set.of("jinja2.", "do_upper()", "special caller", "positional argument");

    static Stream<String> templates() throws IOException {
        try (Stream<Path> files = Files.list(RESOURCES.resolve("templates"))) {
            return files.map(file -> file.getFileName().toString().replace(".jinja", "")).sorted().toList().stream();
        }
    }

    @ParameterizedTest
    @MethodSource("templates")
    void aChatTemplatePrintsWhatJinja2Prints(String name) throws IOException {
        String source = Files.readString(RESOURCES.resolve("templates").resolve(name + ".jinja"));
        List<String> differences = new ArrayList<>();
        int compared = 0;

        for (JsonObject golden : CHAT.requireArray("cases").objects()) {
            if (golden.requireString("template").equals(name)) {
                compared++;
                Map<String, Value> variables = conversation(golden);
                compare(golden, source, variables, differences);
            }
        }

        assertEquals(List.of(), differences);
        assertFalse(compared < 40, "only %d cases".formatted(compared));
    }

    @Test
    void expressionsGiveWhatJinja2Gives() {
        Map<String, Value> variables = JsonValues.variables(EXPRESSIONS.requireObject("variables"));
        List<String> differences = new ArrayList<>();

        for (JsonObject golden : EXPRESSIONS.requireArray("cases").objects()) {
            compare(golden, golden.requireString("source"), variables, differences);
        }

        assertEquals("", String.join("\n", differences));
    }

    @Test
    void randomExpressionsGiveWhatJinja2Gives() {
        Map<String, Value> variables = JsonValues.variables(EXPRESSIONS.requireObject("variables"));
        List<String> differences = new ArrayList<>();

        for (JsonObject golden : EXPRESSIONS.requireArray("random").objects()) {
            String expected = golden.optionalString("text").orElse("(fails)");
            String ours = textOrFailure(golden.requireString("source"), variables);
            if (!expected.equals(ours)) {
                differences.add(golden + "\n  ours " + ours);
            }
        }

        assertEquals("", String.join("\n", differences));
    }

    private static String textOrFailure(String source, Map<String, Value> variables) {
        try {
            return Template.parse("golden", source).render(variables, clock()).text();
        } catch (BowlineException _) {
            return "(fails)";
        }
    }

    private static Map<String, Value> conversation(JsonObject golden) {
        Map<String, Value> variables = new HashMap<>();
        variables.put("bos_token", Value.of("<s>"));
        variables.put("eos_token", Value.of("</s>"));
        variables.put("tools", Value.NONE);
        variables.put("documents", Value.NONE);
        variables.putAll(JsonValues.variables(
                CHAT.requireObject("conversations").requireObject(golden.requireString("conversation"))));
        variables.putAll(
                JsonValues.variables(CHAT.requireObject("options").requireObject(golden.requireString("options"))));
        return variables;
    }

    private static void compare(
            JsonObject golden, String source, Map<String, Value> variables, List<String> differences) {
        String what = golden.without("text").without("generations").toString();
        try {
            Rendering ours = Template.parse("golden", source).render(variables, clock());
            if (golden.has("error")) {
                differences.add(what + " should fail but gives " + ours.text());
            } else if (!golden.requireString("text").equals(ours.text())) {
                differences.add(
                        what + "\n  expected " + golden.require("text") + "\n  ours     " + JsonValue.of(ours.text()));
            } else if (!spans(golden).equals(ours.generations())) {
                differences.add(what + " expected spans " + spans(golden) + ", ours " + ours.generations());
            }
        } catch (BowlineException refused) {
            compareFailure(golden, what, refused.problem(), differences);
        }
    }

    private static void compareFailure(JsonObject golden, String what, String problem, List<String> differences) {
        if (!golden.has("error")) {
            differences.add(what + " expected " + golden.require("text") + " but fails: " + problem);
            return;
        }
        String type = golden.requireObject("error").requireString("type");
        String message = golden.requireObject("error").requireString("message");
        boolean sameWords = SAME_MESSAGE.contains(type) && OWN_WORDS.stream().noneMatch(message::contains);
        if (sameWords && !problem.endsWith(message)) {
            differences.add(what + "\n  expected failure " + message + "\n  ours             " + problem);
        }
    }

    private static List<Span> spans(JsonObject golden) {
        return golden.get("generations").stream()
                .flatMap(spans -> spans.asArray().arrays().stream())
                .map(span -> new Span(span.get(0).asInt(), span.get(1).asInt()))
                .toList();
    }

    private static Clock clock() {
        return Clock.fixed(Instant.parse(CHAT.requireString("now") + "Z"), ZoneOffset.UTC);
    }
}
