package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.data.check.DataFinding;
import dev.bowline.data.check.DataFindingCode;
import dev.bowline.data.check.DataSeverity;
import dev.bowline.data.check.EpochData;
import dev.bowline.data.check.SectionData;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.recipe.RecipeFile;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Each defect of a dataset is found, with its place; the demo's data has none.
class RecipeDataCheckTest {

    private static final Path DEMO = Path.of("..", "cli", "src", "main", "resources", "demo");
    private static final String GOOD = row("ISO date for 1 May 2021?", "2021-05-01");
    private static final String HELD_OUT = row("ISO date for 30 May 2021?", "2021-05-30");
    private static final String NO_END =
            "{{ bos_token }}{% for m in messages %}<|turn>{{ m.role }}\n{{ m.content }}@end{% endfor %}"
                    + "{% if add_generation_prompt %}<|turn>assistant\n{% endif %}";

    @TempDir
    private Path directory;

    private static String row(String question, String answer) {
        return "{\"messages\": [{\"role\": \"user\", \"content\": \"%s\"}, {\"role\": \"assistant\", \"content\": \"%s\"}]}"
                .formatted(question, answer);
    }

    private RecipeDataCheck check(List<String> rows, String... sets) throws IOException {
        Path data = Files.write(directory.resolve("data.jsonl"), rows);
        Path heldOut = Files.write(directory.resolve("usual.jsonl"), List.of(HELD_OUT));
        List<String> all = new ArrayList<>(List.of("dataset.path=" + data, "validation_dataset.path=" + heldOut));
        all.addAll(List.of(sets));
        return RecipeDataCheck.of(RecipeFile.load(DemoRuns.RECIPE, all), 1);
    }

    /// The one finding of this kind; the validation data has its own where the test is about all data.
    private static DataFinding only(RecipeDataCheck check, DataFindingCode code) {
        List<DataFinding> found = check.findings().stream()
                .filter(finding -> finding.code() == code)
                .filter(finding ->
                        code == DataFindingCode.LEAK || finding.section().equals("dataset"))
                .toList();
        assertEquals(1, found.size(), () -> code + " in " + check.findings());
        return found.getFirst();
    }

    private static List<String> lines(DataFinding finding) {
        return finding.places().stream()
                .map(place -> place.origin().replaceFirst(".*:", ""))
                .toList();
    }

    @Test
    void theDataOfTheDemoIsCleanAndCountedAsARunCountsIt() {
        RecipeDataCheck check = RecipeDataCheck.of(RecipeFile.load(DemoRuns.RECIPE, List.of()), 2);

        assertEquals(List.of(), check.findings());
        assertEquals(Optional.empty(), check.worst());
        SectionData training = check.sections().getFirst();
        EpochData epoch = check.epoch().orElseThrow();
        assertEquals(4000, training.rows());
        assertEquals(training.tokens(), epoch.tokens());
        assertEquals(training.trainedTokens(), epoch.trainedTokens());
        assertEquals(125, epoch.steps());
        assertEquals(2, check.examples().size());
    }

    /// A run ends at the first of these, and the examination reads the rows after each.
    @Test
    void everyRowThatARunRefusesIsNamed() throws IOException {
        RecipeDataCheck check = check(List.of(
                GOOD,
                "{\"messages\": [",
                "{\"messages\": [{\"role\": \"user\", \"content\": \"no answer\"}]}",
                "{\"text\": 7}",
                row("ISO date for 2 May 2021?", "2021-05-02")));

        DataFinding unreadable = only(check, DataFindingCode.UNREADABLE);
        assertEquals(List.of("2", "4"), lines(unreadable));
        assertTrue(unreadable.places().getLast().detail().contains("'text'"), unreadable.toString());
        assertEquals(List.of("3"), lines(only(check, DataFindingCode.NO_TARGET)));
        SectionData data = check.sections().getFirst();
        assertEquals(5, data.rows());
        assertEquals(3, data.refused());
        assertEquals(2, data.examples().size());
        assertEquals(Optional.of(DataSeverity.HIGH), check.worst());
    }

    @Test
    void duplicatesAndLeaksNameTheFirst() throws IOException {
        Path heldOut = Files.write(
                directory.resolve("heldout.jsonl"), List.of(row("ISO date for 9 May 2021?", "2021-05-09"), GOOD));

        RecipeDataCheck check = check(List.of(GOOD, row("a", "b"), GOOD, GOOD), "validation_dataset.path=" + heldOut);

        DataFinding duplicate = only(check, DataFindingCode.DUPLICATE);
        assertEquals("dataset", duplicate.section());
        assertEquals(List.of("3", "4"), lines(duplicate));
        assertTrue(duplicate.places().getFirst().detail().endsWith("data.jsonl:1"), duplicate.toString());
        DataFinding leak = only(check, DataFindingCode.LEAK);
        assertEquals("validation_dataset", leak.section());
        assertEquals(List.of("2"), lines(leak));
        assertTrue(leak.places().getFirst().detail().endsWith("data.jsonl:1"), leak.toString());
    }

    /// The same question with another answer is another example.
    @Test
    void anotherAnswerIsNoDuplicate() throws IOException {
        assertEquals(List.of(), check(List.of(row("a", "b"), row("a", "c"))).findings());
    }

    @Test
    void longExamplesAreCutOrLeftOutAsTheRecipeSays() throws IOException {
        String longAnswer = row("Say a lot", "a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6 7 8 9");
        String longQuestion = row("a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6 7 8 9", "x");
        List<String> rows = List.of(GOOD, longAnswer, longQuestion);
        String[] cutEnd = {"dataset.seq_length=48", "dataset.truncation=cut_end"};
        String[] cutStart = {"dataset.seq_length=48", "dataset.truncation=cut_start"};
        String[] skip = {"dataset.seq_length=48", "dataset.truncation=skip"};
        String[] error = {"dataset.seq_length=48", "dataset.truncation=error"};

        assertEquals(List.of("2"), lines(only(check(rows, cutEnd), DataFindingCode.TRUNCATED)));
        assertEquals(List.of("3"), lines(only(check(rows, cutEnd), DataFindingCode.TOO_LONG)));
        assertEquals(List.of("3"), lines(only(check(rows, cutStart), DataFindingCode.CUT)));
        assertEquals(List.of("2"), lines(only(check(rows, cutStart), DataFindingCode.UNREADABLE)));
        assertEquals(List.of("2", "3"), lines(only(check(rows, skip), DataFindingCode.TOO_LONG)));
        assertEquals(List.of("2", "3"), lines(only(check(rows, error), DataFindingCode.UNREADABLE)));
        assertEquals(2, check(rows, skip).sections().getFirst().leftOut());
        assertEquals(1, check(rows, cutEnd).sections().getFirst().cut());
    }

    @Test
    void answersThatDoNotEndAreCounted() throws IOException {
        Path template = Files.writeString(directory.resolve("template.jinja"), NO_END);

        RecipeDataCheck check =
                check(List.of(row("a", "b"), row("c", "d")), "dataset.chat_template=" + template.toAbsolutePath());

        DataFinding found = only(check, DataFindingCode.NO_END);
        assertEquals(List.of("1", "2"), lines(found));
        assertEquals(
                "2 of 2 answers end without an end-of-turn token, so the model does not learn to stop", found.what());
    }

    @Test
    void anEndThatDoesNotStopGenerationIsNamed() throws IOException {
        Path model = demo();
        Path config = model.resolve("generation_config.json");
        Files.writeString(config, "{\"eos_token_id\": 0}");

        DataFinding found = only(
                check(List.of(row("a", "b")), "model.pretrained_model_name_or_path=" + model),
                DataFindingCode.OTHER_END);

        assertTrue(found.what().contains("'<turn|>'"), found.what());
    }

    @Test
    void emptyAnswersUnwrittenTextAndUnreadFieldsAreFound() throws IOException {
        RecipeDataCheck check = check(List.of(
                GOOD,
                row("a", ""),
                "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\","
                        + " \"reasoning_content\": \"because\"}], \"lang\": \"en\"}"));

        assertEquals(List.of("2"), lines(only(check, DataFindingCode.EMPTY_ANSWER)));
        DataFinding unwritten = only(check, DataFindingCode.UNWRITTEN);
        assertEquals(List.of("3"), lines(unwritten));
        assertTrue(unwritten.what().contains("'reasoning_content'"), unwritten.what());
        DataFinding unread = only(check, DataFindingCode.UNREAD_FIELD);
        assertTrue(unread.what().contains("'lang'"), unread.what());
        assertEquals(DataSeverity.LOW, unread.severity());
    }

    @Test
    void mappedColumnsAreReadAndOthersAreNot() throws IOException {
        RecipeDataCheck check = check(
                List.of("{\"asked\": {\"text\": \"a\"}, \"answered\": \"b\", \"source\": \"x\"}"),
                "dataset.column_mapping.question=asked.text",
                "dataset.column_mapping.answer=answered");

        assertEquals(0, check.sections().getFirst().refused());
        assertTrue(
                only(check, DataFindingCode.UNREAD_FIELD).what().contains("'source'"),
                check.findings().toString());
    }

    @Test
    void tokensWithoutARowAndWithADeadRowAreNamed() throws IOException {
        Path model = demo();
        addToken(model, "<extra>", 1024);
        zeroRow(model, 5);
        RecipeDataCheck clean = check(List.of(GOOD), "model.pretrained_model_name_or_path=" + demoNamed("clean"));
        String special = specialToken(model, 5);

        RecipeDataCheck check =
                check(List.of(row("<extra>", "b"), row(special, "b")), "model.pretrained_model_name_or_path=" + model);

        assertEquals(List.of(), clean.findings());
        DataFinding missing = only(check, DataFindingCode.NO_ROW);
        assertEquals(List.of("1"), lines(missing));
        assertTrue(missing.what().startsWith("token 1024 ('<extra>') occurs 1 times"), missing.what());
        DataFinding dead = only(check, DataFindingCode.DEAD_ROW);
        assertTrue(lines(dead).contains("2"), dead.toString());
        assertTrue(dead.what().startsWith("token 5 "), dead.what());
    }

    @Test
    void aDatasetThatIsNotThereIsAnError() {
        List<String> sets = List.of("dataset.path=" + directory.resolve("nothing.jsonl"));

        assertThrows(BowlineException.class, () -> RecipeDataCheck.of(RecipeFile.load(DemoRuns.RECIPE, sets), 1));
    }

    private Path demo() throws IOException {
        return demoNamed("model");
    }

    private Path demoNamed(String name) throws IOException {
        Path copy = Files.createDirectory(directory.resolve(name));
        try (Stream<Path> files = Files.list(DEMO.resolve("model"))) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
        }
        return copy;
    }

    private static void addToken(Path model, String token, int id) throws IOException {
        Path tokenizer = model.resolve("tokenizer.json");
        JsonObject json = Json.parse(tokenizer).asObject();
        List<JsonValue> added =
                new ArrayList<>(json.requireArray("added_tokens").values());
        added.add(added.getFirst().asObject().with("id", id).with("content", token));
        Files.writeString(tokenizer, Json.pretty(json.with("added_tokens", new JsonArray(added, json.location()))));
    }

    private static String specialToken(Path model, int id) {
        return Json.parse(model.resolve("tokenizer.json")).asObject().requireArray("added_tokens").objects().stream()
                .filter(token -> token.requireInt("id") == id)
                .map(token -> token.requireString("content"))
                .findFirst()
                .orElseThrow();
    }

    /// Overwrites a row of the embedding with zeros.
    private static void zeroRow(Path model, int id) throws IOException {
        Path file = model.resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        int header = Math.toIntExact(
                ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong());
        JsonObject entries = Json.parse(new String(bytes, 8, header, StandardCharsets.UTF_8), "header")
                .asObject();
        String key = entries.keys().stream()
                .filter(name -> name.endsWith("embed_tokens.weight"))
                .findFirst()
                .orElseThrow();
        JsonObject entry = entries.requireObject(key);
        int width = entry.requireArray("shape").ints().getLast();
        int size = entry.requireString("dtype").equals("F32") ? 4 : 2;
        long begin = entry.requireArray("data_offsets").ints().getFirst();
        try (RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw")) {
            open.seek(8 + header + begin + (long) id * width * size);
            open.write(new byte[width * size]);
        }
    }
}
