package dev.bowline.model.decoder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Families;
import dev.bowline.catalog.MeasuredTies;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import dev.bowline.model.Architecture;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Parameter;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// A model that is not loaded has the fresh values of transformers: the same parameters are zero, one, or drawn
/// with the deviation of config.json.
///
/// The record is that of tools/record_fresh_values.py.
class FreshValuesTest {

    private static final JsonObject RECORD =
            Json.parse(Golden.directory("", "").resolve("family_fresh.json")).asObject();

    /// How far the deviation of a tensor of 500 values may be off by chance.
    private static final double SPREAD = 0.2;

    static List<String> fixtures() {
        return List.copyOf(RECORD.requireObject("fixtures").keys());
    }

    @Test
    void everyClassThatTransformersHasIsRecorded() {
        Set<String> recorded = fixtures().stream()
                .map(fixture -> FamilyFixtures.facts(fixture).requireString("class"))
                .collect(Collectors.toCollection(TreeSet::new));

        assertEquals(
                Families.all().stream()
                        .map(Architecture::name)
                        .filter(name -> !name.startsWith("Gemma4") && MeasuredTies.inTransformers(name))
                        .collect(Collectors.toCollection(TreeSet::new)),
                recorded);
    }

    @ParameterizedTest
    @MethodSource("fixtures")
    void everyParameterStartsAsInTransformers(String fixture) {
        JsonObject recorded = RECORD.requireObject("fixtures").requireObject(fixture);
        JsonObject values = recorded.requireObject("values");
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = AutoModel.fromConfig(withRange(FamilyFixtures.config(fixture)))) {
            model.initializeWeights(Dtype.FLOAT32, 5);

            assertEquals(
                    new TreeSet<>(values.keys()),
                    new TreeSet<>(model.parameters().keySet()));
            model.parameters().forEach((name, parameter) -> assertFresh(name, values.require(name), parameter));
            if (recorded.optionalBoolean("padding_row_is_zero").orElse(false)) {
                assertPaddingRowIsZero(model);
            }
        }
    }

    private static void assertFresh(String name, JsonValue recorded, Parameter parameter) {
        float[] values = floats(parameter);
        if (recorded instanceof JsonString constant) {
            float expected = constant.asString().equals("ones") ? 1 : 0;
            for (float value : values) {
                assertEquals(expected, value, name);
            }
            return;
        }
        double sum = 0;
        double squares = 0;
        for (float value : values) {
            sum += value;
            squares += (double) value * value;
        }
        double deviation = Math.sqrt(squares / values.length);
        assertEquals(recorded.asDouble(), deviation, SPREAD * recorded.asDouble(), name);
        assertTrue(Math.abs(sum / values.length) < 5 * deviation / Math.sqrt(values.length), name);
    }

    private static void assertPaddingRowIsZero(LanguageModel model) {
        int hidden = Math.toIntExact(model.inputEmbedding().shape()[1]);
        int row = Math.toIntExact(model.decoder().config().size().paddingId().orElseThrow());
        float[] values = floats(model.inputEmbedding().get());
        for (int at = row * hidden; at < (row + 1) * hidden; at++) {
            assertEquals(0, values[at]);
        }
    }

    private static float[] floats(Parameter parameter) {
        return Objects.requireNonNull(HostTensors.bytes(parameter.value())).toArray(ValueLayout.JAVA_FLOAT);
    }

    /// The deviation of the record, at every level.
    private static JsonObject withRange(JsonObject config) {
        double range = RECORD.requireDouble("initializer_range");
        JsonObject changed = config.with("initializer_range", range);
        return config.optionalObject("text_config")
                .map(text -> changed.with("text_config", text.with("initializer_range", range)))
                .orElse(changed);
    }
}
