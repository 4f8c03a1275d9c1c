package dev.bowline.audit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.safetensors.SafetensorsType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The two transformers columns say what transformers 4.57.6 and 5.18.0 did, in every cell that was recorded.
class ConsumerMatrixTest {

    private static final Path RECORD =
            Path.of("src", "test", "resources", "fixtures", "audit", "transformers-cells.json");
    private static final int ROWS = 32;
    private static final int WIDTH = 8;

    /// A release that has no such class.
    private static final JsonValue ABSENT = new JsonNull(dev.bowline.json.JsonLocation.built());

    @TempDir
    private Path temporary;

    @Test
    void everyRecordedCellIsForeseen() throws IOException {
        JsonObject record = Json.parse(RECORD).asObject();
        Map<String, String> wrong = new TreeMap<>();
        int cells = 0;
        for (Map.Entry<String, JsonValue> cell :
                record.requireObject("cells").fields().entrySet()) {
            String[] name = cell.getKey().split("/");
            JsonObject family = record.requireObject("families").requireObject(name[0]);
            TieAudit audit = TieAudit.of(write(family, name, temporary.resolve("cell" + cells++)));
            JsonObject done = cell.getValue().asObject();
            compare(
                    cell.getKey(),
                    audit.consumer(Consumer.TRANSFORMERS_4),
                    done.get("v4").orElse(ABSENT),
                    wrong);
            compare(
                    cell.getKey(),
                    audit.consumer(Consumer.TRANSFORMERS_5),
                    done.get("v5").orElse(ABSENT),
                    wrong);
        }

        assertTrue(cells > 2000, "only %d cells".formatted(cells));
        assertEquals(
                Map.of(),
                wrong,
                () -> "%d of %d"
                        .formatted(
                                wrong.size(),
                                2 * record.requireObject("cells").fields().size()));
    }

    private static void compare(String cell, ConsumerView view, JsonValue record, Map<String, String> wrong) {
        String recorded = recorded(record);
        String foreseen = foreseen(view);
        if (!recorded.equals(foreseen)) {
            wrong.put(cell + " " + view.consumer(), "did %s, foreseen %s".formatted(recorded, foreseen));
        }
    }

    private static String recorded(JsonValue value) {
        if (!(value instanceof JsonObject record) || !(record.get("error").orElseThrow() instanceof JsonNull)) {
            return "fails";
        }
        String head = record.requireString("head");
        String embedding = record.requireString("embedding");
        if (head.equals("meta") || embedding.equals("meta")) {
            return "fails";
        }
        return "%s head %s embedding %s".formatted(record.requireBoolean("one") ? "one" : "two", head, embedding);
    }

    private static String foreseen(ConsumerView view) {
        if (view.outcome() == Outcome.FAILS || view.outcome() == Outcome.UNSUPPORTED) {
            return "fails";
        }
        return "%s head %s embedding %s".formatted(view.isOne() ? "one" : "two", view.head(), view.embedding());
    }

    /// The checkpoint of a cell; what is not of the pair is zero.
    private static Path write(JsonObject family, String[] name, Path directory) throws IOException {
        CheckpointFixture fixture = new CheckpointFixture(Json.compact(family.requireObject("config")));
        JsonArray levels = family.requireArray("levels");
        String[] flags = name[2].split("-");
        for (int i = 0; i < flags.length; i++) {
            if (!flags[i].equals("absent")) {
                fixture.flag(levels.get(i).asString(), Boolean.parseBoolean(flags[i]));
            }
        }
        String head = family.requireString("head");
        String embedding = family.requireString("embedding");
        pair(fixture, head, embedding, name[3]);
        family.requireObject("tensors").fields().forEach((key, tensor) -> {
            SafetensorsType type =
                    SafetensorsType.valueOf(tensor.asArray().get(0).asString());
            fixture.zeros(key, type, tensor.asArray().get(1).asArray().longs());
        });
        if (name[1].equals("sharded")) {
            fixture.sharded(head);
        }
        return fixture.write(directory);
    }

    private static void pair(CheckpointFixture fixture, String head, String embedding, String physical) {
        CheckpointFixture.Values e = CheckpointFixture.E;
        CheckpointFixture.Values h = CheckpointFixture.H;
        SafetensorsType f32 = SafetensorsType.F32;
        SafetensorsType bf16 = SafetensorsType.BF16;
        CheckpointFixture.Values rounded = (i, j) -> e.at(i, j) + 1 / 4096.0;
        switch (physical) {
            case "embed_only" -> fixture.with(embedding, f32, ROWS, WIDTH, e);
            case "head_only" -> fixture.with(head, f32, ROWS, WIDTH, e);
            case "both_equal" -> fixture.with(embedding, f32, ROWS, WIDTH, e).with(head, f32, ROWS, WIDTH, e);
            case "both_differ" -> fixture.with(embedding, f32, ROWS, WIDTH, e).with(head, f32, ROWS, WIDTH, h);
            case "one_row_differs" ->
                fixture.with(embedding, f32, ROWS, WIDTH, e)
                        .with(head, f32, ROWS, WIDTH, (i, j) -> (i == ROWS - 1 ? h : e).at(i, j));
            case "neither" -> {}
            case "widened" -> fixture.with(embedding, bf16, ROWS, WIDTH, e).with(head, f32, ROWS, WIDTH, e);
            case "rounded" ->
                fixture.with(embedding, bf16, ROWS, WIDTH, rounded).with(head, f32, ROWS, WIDTH, rounded);
            case "slice" -> fixture.with(embedding, f32, ROWS, WIDTH, e).with(head, f32, 24, WIDTH, e);
            case "zero_head" -> fixture.with(embedding, f32, ROWS, WIDTH, e).with(head, f32, ROWS, WIDTH, (_, _) -> 0);
            default -> throw new IllegalArgumentException(physical);
        }
    }
}
