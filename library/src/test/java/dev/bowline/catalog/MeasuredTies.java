package dev.bowline.catalog;

import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.TiedWeights;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/// What both releases of transformers tie in the classes of the catalog, as tools/measure_family_ties.py saw, beside
/// what Bowline ties for the same flags.
public final class MeasuredTies {

    public static final String RELEASE_4 = "4.57.6";
    public static final String RELEASE_5 = "5.18.0";

    private static final Path FIXTURES = Golden.directory("", "");
    private static final JsonObject RELEASES =
            Json.parse(FIXTURES.resolve("family_ties.json")).asObject().requireObject("releases");
    private static final JsonObject CLASSES_OF_TRANSFORMERS = classesOfTransformers();

    /// One combination of flags for which a release ties what Bowline does not, or the other way round.
    ///
    /// @param flags at the top and, where the class has two levels, in text_config; `-` for an absent one
    /// @param why Bowline does otherwise; empty where nobody has said
    public record Difference(
            String architecture, String release, String flags, boolean theirs, boolean ours, Optional<String> why) {}

    private MeasuredTies() {}

    /// Whether transformers has the class at all: Baichuan is code on the hub.
    public static boolean inTransformers(String architecture) {
        return CLASSES_OF_TRANSFORMERS
                .optionalObject(architecture)
                .filter(releases -> releases.has("v5"))
                .isPresent();
    }

    /// `defaults` by level and `tied` by flags; empty for a class that the release does not have.
    public static Optional<JsonObject> of(String release, String architecture) {
        return RELEASES.requireObject(release).optionalObject(architecture);
    }

    /// What a release assumes at each level, and the level that decides.
    public static String defaults(String release, String architecture) {
        return of(release, architecture).map(MeasuredTies::described).orElse("no such class");
    }

    private static String described(JsonObject measured) {
        JsonObject defaults = measured.requireObject("defaults");
        JsonObject tied = measured.requireObject("tied");
        if (!defaults.has("text_config")) {
            return "top %s".formatted(defaults.requireBoolean("top"));
        }
        boolean textDecides = tied.requireBoolean("true/false") != tied.requireBoolean("true/true");
        return textDecides
                ? "top %s, text_config %s, which decides"
                        .formatted(defaults.requireBoolean("top"), defaults.requireBoolean("text_config"))
                : "top %s, which decides, text_config %s"
                        .formatted(defaults.requireBoolean("top"), defaults.requireBoolean("text_config"));
    }

    /// Every difference, by class, then release.
    public static List<Difference> differences() {
        List<Difference> differences = new ArrayList<>();
        examples().forEach((architecture, config) -> {
            for (String release : List.of(RELEASE_4, RELEASE_5)) {
                of(release, architecture).ifPresent(measured -> {
                    JsonObject tied = measured.requireObject("tied");
                    for (String flags : tied.keys()) {
                        boolean ours = tied(config, flags.split("/"));
                        if (ours != tied.requireBoolean(flags)) {
                            differences.add(new Difference(
                                    architecture, release, flags, !ours, ours, why(release, flags.split("/"))));
                        }
                    }
                });
            }
        });
        return differences;
    }

    /// docs/decisions/0002.
    private static Optional<String> why(String release, String[] flags) {
        if (flags.length < 2) {
            return Optional.empty();
        }
        if (release.equals(RELEASE_4)) {
            return Optional.of("it listens to text_config alone; here the top level decides, as in 5.18.0");
        }
        return flags[0].equals("-")
                ? Optional.of("it listens to the top level alone; here text_config decides where that is silent")
                : Optional.empty();
    }

    private static boolean tied(JsonObject config, String[] flags) {
        JsonObject asked = with(config, flags[0]);
        if (flags.length > 1) {
            asked = asked.with("text_config", with(config.requireObject("text_config"), flags[1]));
        }
        try (LanguageModel model = AutoModel.fromConfig(asked)) {
            return TiedWeights.hasLocalTiedLmHead(model);
        }
    }

    private static JsonObject with(JsonObject level, String flag) {
        return flag.equals("-")
                ? level.without("tie_word_embeddings")
                : level.with("tie_word_embeddings", Boolean.parseBoolean(flag));
    }

    /// A config.json of each class that has fixtures.
    static SequencedMap<String, JsonObject> examples() {
        TreeMap<String, JsonObject> examples = new TreeMap<>();
        try (Stream<Path> files = Files.walk(FIXTURES)) {
            for (Path reference : files.filter(file -> file.endsWith("reference.json"))
                    .sorted()
                    .toList()) {
                examples.putIfAbsent(
                        Json.parse(reference).asObject().requireString("class"),
                        Json.parse(reference.resolveSibling("config.json")).asObject());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return examples;
    }

    private static JsonObject classesOfTransformers() {
        String name = "/dev/bowline/audit/evidence/transformers-ties.json";
        try (InputStream stream = Objects.requireNonNull(MeasuredTies.class.getResourceAsStream(name), name)) {
            String text = new String(stream.readAllBytes(), StandardCharsets.UTF_8);
            return Json.parse(text, name).asObject().requireObject("architectures");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
