package dev.bowline.checkpoint;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.tensor.Dtype;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A checkpoint that is not what it should be is refused with what is wrong and what to do.
class BadCheckpointTest {

    @TempDir
    private Path temporary;

    private Path source() {
        return temporary.resolve("source");
    }

    private TinyCheckpoint tiny() {
        return new TinyCheckpoint(source(), "dense_kv");
    }

    @Test
    void whatIsNoDirectoryIsRefused() throws IOException {
        assertRefused(temporary.resolve("absent"), "there is no directory");
        Path file = Files.writeString(temporary.resolve("file"), "");
        assertRefused(file, "is not a directory");
        assertRefused(Files.createDirectory(temporary.resolve("empty")), "has no config.json");
    }

    @Test
    void picklesAreRefusedUnopened() throws IOException {
        Files.createDirectory(source());
        Files.copy(Golden.directory("gemma4", "dense_kv").resolve("config.json"), source().resolve("config.json"));
        Files.write(source().resolve("pytorch_model.bin"), new byte[] {(byte) 0x80, 2});

        assertRefused(source(), "PyTorch pickles (pytorch_model.bin): Bowline never opens those");
    }

    @Test
    void anIndexThatLeadsElsewhereIsRefused() throws IOException {
        for (String shard : List.of("../other.safetensors", "/etc/model.safetensors", "sub\\\\a.safetensors")) {
            Path directory = Files.createDirectories(temporary.resolve("at" + shard.length()));
            Files.copy(Golden.directory("gemma4", "dense_kv").resolve("config.json"), directory.resolve("config.json"));
            Files.writeString(
                    directory.resolve("model.safetensors.index.json"), "{\"weight_map\": {\"a\": \"" + shard + "\"}}");

            assertRefused(directory, "is not the name of a file in the index's directory");
        }
    }

    @Test
    void anIndexThatNamesAMissingShardIsRefused() throws IOException {
        tiny().sharded(100_000).write();
        Files.delete(source().resolve("model-00002-of-00003.safetensors"));

        assertRefused(source(), "lacks 1 of the 3 shards that its index names: model-00002-of-00003.safetensors");
    }

    @Test
    void anIndexThatPutsATensorIntoAnotherShardIsRefused() throws IOException {
        tiny().sharded(100_000).write();
        Path index = source().resolve("model.safetensors.index.json");
        String norm = "model.language_model.norm.weight";
        String text = Files.readString(index);
        Files.writeString(index, text.replaceAll("(\"" + norm + "\": \"model-0000)\\d", "$11"));

        assertRefused(source(), "and its shards disagree: '" + norm + "' is in");
    }

    @Test
    void aPointerOfGitLfsIsRefused() throws IOException {
        tiny().write();
        Files.writeString(
                source().resolve("model.safetensors"),
                "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n");

        assertRefused(source(), "a Git LFS pointer");
    }

    @Test
    void aTruncatedFileIsRefused() throws IOException {
        tiny().write();
        Path weights = source().resolve("model.safetensors");
        byte[] content = Files.readAllBytes(weights);
        Files.write(weights, java.util.Arrays.copyOf(content, content.length - 10));

        assertRefused(source(), "is not a whole safetensors file");
    }

    @Test
    void anUnknownTensorAndAnEmptySlotAreNamedWithTheNearest() throws IOException {
        tiny().renamed(name -> name.replace("layers.2.mlp.up_proj", "layers.2.mlp.upp_proj"))
                .write();

        assertRefused(source(), "no slot for 'model.language_model.layers.2.mlp.upp_proj.weight' (nearest: ");
        assertRefused(source(), "nothing for slot 'model.language_model.layers.2.mlp.up_proj.weight'");
    }

    @Test
    void aWrongShapeIsNamedOnBothSides() throws IOException {
        tiny().rows("model.language_model.layers.0.mlp.up_proj.weight", 39).write();

        assertRefused(
                source(),
                "'model.language_model.layers.0.mlp.up_proj.weight' of shape [39, 32] cannot fill"
                        + " 'model.language_model.layers.0.mlp.up_proj.weight' of shape [40, 32]");
    }

    @Test
    void twoSpellingsOfOneTensorAreRefused() throws IOException {
        tiny().with("model.norm.weight", "model.language_model.norm.weight").write();

        assertRefused(source(), "are two spellings of slot 'model.language_model.norm.weight'");
    }

    @Test
    void aQuantisedWeightIsRefused() throws IOException {
        String name = "model.language_model.norm.weight";
        tiny().with(name, new TinyCheckpoint.Tensor(SafetensorsType.I8, List.of(32L), new byte[32]))
                .write();

        assertRefused(source(), "'" + name + "' is stored as I8");
    }

    @Test
    void aDtypeThatDoesNotComputeIsRefused() throws IOException {
        tiny().write();

        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> AutoModel.fromPretrained(
                                source(), AutoModel.Options.asStored().in(Dtype.FLOAT16))
                        .close());

        assertTrue(
                refused.problem().contains("float16, a dtype that Bowline does not compute in"), refused.getMessage());
    }

    @Test
    void anUnknownArchitectureListsOurs() throws IOException {
        architectures(old -> old.with("architectures", JsonArray.ofStrings(List.of("Gemma4ForCausalLMs"))));
        BowlineException refused = assertRefused(source(), "is for architecture 'Gemma4ForCausalLMs'");
        assertTrue(refused.problem().contains("(nearest: 'Gemma4ForCausalLM'"), refused.getMessage());
        assertTrue(refused.fix().contains("Gemma4ForConditionalGeneration, Gemma4ForCausalLM"), refused.getMessage());
    }

    @Test
    void withoutAnArchitectureTheModelTypeDecides() throws IOException {
        architectures(old -> old.without("architectures"));
        AutoModel.fromPretrained(source()).close();

        architectures(old -> old.with("architectures", JsonValue.absent()).with("model_type", "mamba"));
        assertRefused(source(), "is for model_type 'mamba', which Bowline does not build");
    }

    private void architectures(UnaryOperator<JsonObject> change) throws IOException {
        if (!Files.exists(source())) {
            tiny().write();
        }
        Path config = source().resolve("config.json");
        Files.writeString(config, Json.pretty(change.apply(Json.parse(config).asObject())));
    }

    private static BowlineException assertRefused(Path directory, String reason) {
        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> AutoModel.fromPretrained(directory).close());
        assertTrue(refused.problem().contains(reason), refused.getMessage());
        return refused;
    }
}
