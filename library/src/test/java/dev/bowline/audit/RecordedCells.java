package dev.bowline.audit;

import dev.bowline.audit.consumers.ConsumerView;
import dev.bowline.audit.consumers.Outcome;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.safetensors.SafetensorsType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/// The record of what transformers 4.57.6 and 5.18.0 did with every cell, and the checkpoints of its cells.
public final class RecordedCells {

    private static final Path DIRECTORY = Path.of("src", "test", "resources", "fixtures", "audit");
    private static final int ROWS = CheckpointFixture.ROWS;
    private static final int WIDTH = CheckpointFixture.WIDTH;

    /// A release that has no such class.
    public static final JsonValue ABSENT = new JsonNull(dev.bowline.json.JsonLocation.built());

    private final JsonObject record;

    public RecordedCells() {
        this("transformers-cells.json");
    }

    public RecordedCells(String name) {
        this.record = read(name);
    }

    public static JsonObject read(String name) {
        return Json.parse(DIRECTORY.resolve(name)).asObject();
    }

    /// What each release did, by the cell's name.
    public Map<String, JsonValue> cells() {
        return record.requireObject("cells").fields();
    }

    JsonObject family(String cell) {
        return record.requireObject("families").requireObject(cell.split("/")[0]);
    }

    /// What a release did, in the words of [#foreseen].
    public static String recorded(JsonValue value) {
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

    public static String foreseen(ConsumerView view) {
        if (view.outcome() == Outcome.FAILS || view.outcome() == Outcome.UNSUPPORTED) {
            return "fails";
        }
        return "%s head %s embedding %s".formatted(view.isOne() ? "one" : "two", view.head(), view.embedding());
    }

    /// The checkpoint of a cell; what is not of the pair is zero.
    public Path write(String cell, Path directory) throws IOException {
        String[] name = cell.split("/");
        CheckpointFixture fixture = fixture(family(cell), name[2].split("-"), name[3]);
        if (name[1].equals("sharded")) {
            fixture.sharded(family(cell).requireString("head"));
        }
        return fixture.write(directory);
    }

    static CheckpointFixture fixture(JsonObject family, String[] flags, String physical) {
        CheckpointFixture fixture = new CheckpointFixture(Json.compact(family.requireObject("config")));
        JsonArray levels = family.requireArray("levels");
        for (int i = 0; i < flags.length; i++) {
            if (!flags[i].equals("absent")) {
                fixture.flag(levels.get(i).asString(), Boolean.parseBoolean(flags[i]));
            }
        }
        pair(fixture, family.requireString("head"), family.requireString("embedding"), physical);
        family.requireObject("tensors").fields().forEach((key, tensor) -> {
            SafetensorsType type =
                    SafetensorsType.valueOf(tensor.asArray().get(0).asString());
            fixture.zeros(key, type, tensor.asArray().get(1).asArray().longs());
        });
        return fixture;
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
