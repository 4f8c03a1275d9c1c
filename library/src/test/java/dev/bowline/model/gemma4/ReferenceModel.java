package dev.bowline.model.gemma4;

import dev.bowline.fixtures.Golden;
import java.nio.file.Path;

/// A golden fixture's model, for tests of other packages.
public final class ReferenceModel {

    private ReferenceModel() {}

    public static Gemma4Model load(String variant) {
        return ParityTest.load(directory(variant));
    }

    public static Path directory(String variant) {
        return Golden.directory("gemma4", variant);
    }

    public static Golden reference(String variant) {
        return Golden.read(directory(variant).resolve("reference.safetensors"));
    }
}
