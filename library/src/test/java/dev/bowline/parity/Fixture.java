package dev.bowline.parity;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.tensor.Dtype;
import java.nio.file.Path;

/// A tiny checkpoint, what transformers computes from it, and facts about both.
///
/// @param family folder of the family's fixtures
/// @param name folder of this one
record Fixture(String family, String name) {

    Path directory() {
        return Golden.directory(family, name);
    }

    Golden reference() {
        return Golden.read(directory().resolve("reference.safetensors"));
    }

    /// What the script that made the fixture wrote down: class, tie default, what it exercises.
    JsonObject facts() {
        return Json.parse(directory().resolve("reference.json")).asObject();
    }

    JsonObject config() {
        return Json.parse(directory().resolve("config.json")).asObject();
    }

    /// The model as a user would open it, computing in `dtype`.
    Pretrained open(Dtype dtype) {
        return AutoModel.fromPretrained(
                directory(), AutoModel.Options.asStored().in(dtype));
    }

    @Override
    public String toString() {
        return name;
    }
}
