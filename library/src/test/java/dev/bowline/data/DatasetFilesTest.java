package dev.bowline.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A directory is the dataset that Hugging Face datasets would find in it; where that is a guess, the choices are
/// named.
class DatasetFilesTest {

    private static final JsonObject RECORDED = Json.parse(Path.of("src/test/resources/fixtures/dataset_splits.json"))
            .asObject();

    @TempDir
    private Path directory = Path.of("");

    @Test
    void splitsAreThoseOfHuggingFaceDatasets() throws IOException {
        int number = 0;
        for (JsonObject layout : RECORDED.requireArray("layouts").objects()) {
            Path root = directory.resolve("layout" + number++);
            touch(root, layout.requireArray("files").strings());
            JsonObject splits = layout.requireObject("splits");
            for (String split : splits.keys()) {
                assertEquals(splits.requireArray(split).strings(), files(root, DatasetSplit.of(split)), split);
            }
        }
        assertEquals(14, number);
    }

    @Test
    void slicesAreThoseOfHuggingFaceDatasets() {
        for (JsonObject slice : RECORDED.requireArray("slices").objects()) {
            DatasetSplit split = DatasetSplit.of(slice.requireString("split"));
            int rows = slice.requireInt("rows");

            DatasetSplit.Range range = split.range(split.needsCount() ? rows : -1);

            assertEquals(slice.requireInt("from"), Math.min(range.from(), rows), slice.toString());
            assertEquals(slice.requireInt("to"), Math.min(range.to(), rows), slice.toString());
        }
    }

    @Test
    void theUsualSplitIsTheOneOfThatNameOrTheOnlyOne() throws IOException {
        Path three = touch(directory.resolve("three"), List.of("dev.jsonl", "test.jsonl", "train.jsonl"));
        Path one = touch(directory.resolve("one"), List.of("data/en-00000-of-00001.parquet"));
        Path plain = touch(directory.resolve("plain"), List.of("b.jsonl", "a.jsonl"));
        DatasetSplit training = DatasetSplit.preferring("train");
        DatasetSplit validation = DatasetSplit.preferring("validation");

        assertEquals(List.of("train.jsonl"), files(three, training));
        assertEquals(List.of("dev.jsonl"), files(three, validation));
        assertEquals(List.of("dev.jsonl"), files(three, DatasetSplit.of("val")));
        assertEquals(List.of("data/en-00000-of-00001.parquet"), files(one, training));
        assertEquals(List.of("a.jsonl", "b.jsonl"), files(plain, training));
        assertEquals(List.of("a.jsonl", "b.jsonl"), files(plain, validation));
    }

    @Test
    void aValidationIsNeverReadFromTheTrainingSplitUnasked() throws IOException {
        Path root = touch(directory, List.of("data/train-00000-of-00001.parquet"));

        BowlineException refused =
                assertThrows(BowlineException.class, () -> files(root, DatasetSplit.preferring("validation")));

        assertTrue(refused.problem().endsWith("has the split 'train', and none is chosen"), refused.problem());
        assertEquals(1, files(root, DatasetSplit.of("train[90%:]")).size());
    }

    @Test
    void aGuessIsRefusedAndNamesTheChoices() throws IOException {
        Map<String, List<String>> layouts = Map.of(
                "has the splits 'en', 'fr', and none is chosen",
                List.of("data/en-00000-of-00001.jsonl", "data/fr-00000-of-00001.jsonl"),
                "has the split 'train' in 'main', 'socratic'",
                List.of("main/train-00000-of-00001.parquet", "socratic/train-00000-of-00001.parquet"),
                "has the split 'train' in 'en', 'fr'",
                List.of("en/train/a.jsonl", "fr/train/a.jsonl"),
                "has the split 'train' as CSV and as JSON: 'train.csv', 'train.jsonl'",
                List.of("train.csv", "train.jsonl"),
                "has no data files; they end in .jsonl, .ndjson, .json, .parquet, .csv, .tsv, .arrow",
                List.of("README.md", ".hidden/train.jsonl"));
        int number = 0;
        for (Map.Entry<String, List<String>> layout : layouts.entrySet()) {
            Path root = touch(directory.resolve("layout" + number++), layout.getValue());

            BowlineException refused =
                    assertThrows(BowlineException.class, () -> files(root, DatasetSplit.preferring("train")));

            assertEquals(root + " " + layout.getKey(), refused.problem());
        }
        Path root = touch(directory.resolve("named"), List.of("train.jsonl", "test.jsonl"));
        assertEquals(
                root + " has no split 'validation'; it has 'test', 'train'",
                assertThrows(BowlineException.class, () -> files(root, DatasetSplit.of("validation")))
                        .problem());
    }

    @Test
    void linksToFilesAreFollowedAndLinksToDirectoriesAreNot() throws IOException {
        Path root = Files.createDirectories(directory.resolve("snapshot"));
        Path blob = Files.writeString(directory.resolve("blob"), "{}");
        Files.createSymbolicLink(root.resolve("train.jsonl"), blob);
        Files.createSymbolicLink(root.resolve("loop"), root);

        assertEquals(List.of("train.jsonl"), files(root, DatasetSplit.preferring("train")));
    }

    @Test
    void whatIsNoSplitIsRefused() {
        for (String text :
                List.of("", "train[", "train[:a]", "train+test", "train[:101%]", "a b", "train[:99999999999]")) {
            assertThrows(BowlineException.class, () -> DatasetSplit.of(text), text);
        }
    }

    private static Path touch(Path root, List<String> files) throws IOException {
        for (String file : files) {
            Path path = root.resolve(file);
            Files.createDirectories(path.getParent());
            Files.writeString(path, "{}\n");
        }
        return root;
    }

    private static List<String> files(Path root, DatasetSplit split) {
        return DatasetFiles.of(root, split).stream()
                .map(file -> root.relativize(file.path()).toString().replace('\\', '/'))
                .toList();
    }
}
