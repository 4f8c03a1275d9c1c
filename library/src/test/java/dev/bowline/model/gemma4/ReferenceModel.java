package dev.bowline.model.gemma4;

import dev.bowline.catalog.AutoModel;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import java.nio.file.Path;

/// A golden fixture's model, for tests of other packages.
public final class ReferenceModel {

    private ReferenceModel() {}

    /// Filled by name without Bowline's reader.
    public static LanguageModel load(String variant) {
        Path directory = directory(variant);
        JsonObject config = Json.parse(directory.resolve("config.json")).asObject();
        LanguageModel model = AutoModel.fromConfig(config);
        Golden weights = Golden.read(directory.resolve("model.safetensors"));
        model.parameters().forEach((name, parameter) -> parameter.materialize(weights.tensor(name)));
        return model;
    }

    public static Path directory(String variant) {
        return Golden.directory("gemma4", variant);
    }

    public static Golden reference(String variant) {
        return Golden.read(directory(variant).resolve("reference.safetensors"));
    }
}
