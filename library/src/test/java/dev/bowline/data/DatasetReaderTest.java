package dev.bowline.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.json.JsonObject;
import dev.bowline.text.AssistantMask;
import dev.bowline.text.ChatTemplate;
import dev.bowline.text.Tokenizer;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A dataset file becomes examples whose targets are the assistant's words, or an error that names the line.
class DatasetReaderTest {

    private static final Path MODEL = Path.of("..", "cli", "src", "main", "resources", "demo", "model");
    private static Tokenizer tokenizer = Tokenizer.open(MODEL);

    @TempDir
    private Path directory = Path.of("");

    @BeforeAll
    static void open() {
        tokenizer = Tokenizer.open(MODEL);
    }

    @AfterAll
    static void close() {
        tokenizer.close();
    }

    @Test
    void theTargetsAreTheAnswerAndTheTokenThatEndsItsTurn() throws IOException {
        Dataset dataset = read(row("When is 2031-08-24?", "24 August 2031"), 64, Truncation.ERROR);

        assertEquals("24 August 2031<turn|>", targets(dataset.examples().getFirst()));
    }

    @Test
    void onlyTheLastAnswerCountsWhenHistoryIsMasked() throws IOException {
        String two = "{\"messages\": [" + message("user", "a") + "," + message("assistant", "first") + ","
                + message("user", "b") + "," + message("assistant", "second") + "]}";

        assertEquals(
                "first<turn|>second<turn|>",
                targets(read(two, 64, Truncation.ERROR).examples().getFirst()));
        assertEquals(
                "second<turn|>",
                targets(DatasetReader.read(
                                settings(write(two), 64, Truncation.ERROR, AssistantMask.Answers.LAST),
                                ChatTemplate.of(tokenizer),
                                tokenizer)
                        .examples()
                        .getFirst()));
    }

    @Test
    void aConversationWhoseEarlierAnswersAreRewrittenIsSeveralExamplesOfOneRow() throws IOException {
        String thoughtInTheLast = "{% for m in messages %}<|turn>{{ m.role }}\n"
                + "{% if m.role == 'assistant' and loop.last %}hm. {% endif %}{{ m.content }}<turn|>{% endfor %}"
                + "{% if add_generation_prompt %}<|turn>assistant\n{% endif %}";
        String two = "{\"messages\": [" + message("user", "a") + "," + message("assistant", "first") + ","
                + message("user", "b") + "," + message("assistant", "second") + "]}";
        String three = "{\"messages\": [" + message("user", "a") + "," + message("assistant", "x".repeat(60)) + ","
                + message("user", "b") + "," + message("assistant", "y") + "]}";

        Dataset dataset = DatasetReader.read(
                settings(
                        write(row("q", "only") + "\n" + two + "\n" + three),
                        64,
                        Truncation.SKIP,
                        AssistantMask.Answers.ALL),
                ChatTemplate.inline(tokenizer, "test", thoughtInTheLast),
                tokenizer);

        assertEquals(
                List.of("hm. only<turn|>", "hm. first<turn|>", "hm. second<turn|>"),
                dataset.examples().stream().map(DatasetReaderTest::targets).toList());
        assertEquals(3, dataset.rows());
        assertEquals(2, dataset.skipped().size());
        assertEquals(5, dataset.made());
        assertEquals(2, dataset.divided().conversations());
        assertEquals(4, dataset.divided().examples());
        assertTrue(dataset.divided().first().orElseThrow().endsWith("data.jsonl:2"));
        assertEquals(5, dataset.ends().answers());
    }

    @Test
    void withoutAChatTemplateAQuestionAndItsAnswerAreOneText() throws IOException {
        DatasetSettings settings = settings(
                write("{\"q\": \"2+2=\", \"r\": \"4\"}"), new ExampleFormat.Columns(Optional.empty(), "q", "r"));

        Dataset plain = DatasetReader.read(settings, tokenizer);
        Dataset turns = DatasetReader.read(settings, ChatTemplate.of(tokenizer), tokenizer);

        assertEquals("2+2=4<eos>", decode(plain.examples().getFirst()));
        assertEquals("4<eos>", targets(plain.examples().getFirst()));
        assertEquals(1, plain.plain());
        assertEquals("4<turn|>", targets(turns.examples().getFirst()));
        assertEquals(0, turns.plain());
    }

    @Test
    void textsOfTrlAreTrainedWithoutTheChatTemplateAndMessagesWithIt() throws IOException {
        Path file = write("{\"prompt\": \"a=\", \"completion\": \"b\"}\n{\"text\": \"c\"}\n{\"text\": \"d<eos>\"}\n"
                + "{\"prompt\": [" + message("user", "e") + "," + message("assistant", "f") + "," + message("user", "g")
                + "], \"completion\": [" + message("assistant", "h") + "]}");

        Dataset dataset =
                DatasetReader.read(settings(file, new ExampleFormat.Auto()), ChatTemplate.of(tokenizer), tokenizer);

        assertEquals(
                List.of("b<eos>", "c<eos>", "d<eos>", "h<turn|>"),
                dataset.examples().stream().map(DatasetReaderTest::targets).toList());
        assertEquals(3, dataset.plain());
    }

    @Test
    void aRowBringsItsOwnVariablesForTheChatTemplate() throws IOException {
        String style =
                "{{ style }}/{{ mood }}:{% for m in messages %}<|turn>{{ m.role }}\n{{ m.content }}<turn|>{% endfor %}"
                        + "{% if add_generation_prompt %}<|turn>assistant\n{% endif %}";
        ChatTemplate template = ChatTemplate.inline(tokenizer, "test", style)
                .with(JsonObject.of().with("style", "plain").with("mood", "calm"));
        String own = row("a", "b").replaceFirst("\\{", "{\"chat_template_kwargs\": {\"style\": \"bold\"}, ");

        Dataset dataset = DatasetReader.read(
                settings(write(own + "\n" + row("a", "b")), new ExampleFormat.Auto()), template, tokenizer);

        assertTrue(
                decode(dataset.examples().getFirst()).startsWith("bold/calm:"),
                decode(dataset.examples().getFirst()));
        assertTrue(decode(dataset.examples().getLast()).startsWith("plain/calm:"));
    }

    @Test
    void aConversationWithoutAChatTemplateIsRefused() throws IOException {
        Path base = Files.createDirectories(directory.resolve("base"));
        Files.copy(MODEL.resolve("tokenizer.json"), base.resolve("tokenizer.json"));
        DatasetSettings settings = settings(write(row("a", "b")), new ExampleFormat.Auto());

        try (Tokenizer without = Tokenizer.open(base)) {
            BowlineException refused =
                    assertThrows(BowlineException.class, () -> DatasetReader.read(settings, without));
            assertTrue(refused.problem().contains("data.jsonl:1"), refused.problem());
            assertTrue(refused.problem().contains("has no chat template"), refused.problem());
        }
    }

    @Test
    void textBeyondTheBasicPlaneDoesNotShiftTheMask() throws IOException {
        Dataset dataset = read(row("\uD83D\uDE00 when?", "24 August"), 64, Truncation.ERROR);

        assertEquals("24 August<turn|>", targets(dataset.examples().getFirst()));
    }

    @Test
    void aBrokenLineIsNamed() {
        BowlineException refused = assertThrows(
                BowlineException.class, () -> read(row("a", "b") + "\n{\"messages\": [", 64, Truncation.ERROR));

        assertTrue(refused.problem().contains("data.jsonl:2"), refused.problem());
    }

    @Test
    void anExampleWithoutAnAnswerIsRefusedByItsLine() {
        String onlyUser = "{\"messages\": [" + message("user", "hello") + "]}";

        BowlineException refused =
                assertThrows(BowlineException.class, () -> read(row("a", "b") + "\n" + onlyUser, 64, Truncation.ERROR));

        assertTrue(refused.problem().contains("data.jsonl:2"), refused.problem());
        assertTrue(refused.problem().contains("no token to train on"), refused.problem());
    }

    @Test
    void tooLongExamplesAreRefusedSkippedOrCutButNeverLoseTheirAnswerSilently() throws IOException {
        String rows = row("short", "yes") + "\n" + row("a very long question ".repeat(10), "24 August 2031");

        assertThrows(BowlineException.class, () -> read(rows, 40, Truncation.ERROR));
        Dataset skipped = read(rows, 40, Truncation.SKIP);
        Dataset cutStart = read(rows, 40, Truncation.CUT_START);
        Dataset cutEnd = read(rows, 40, Truncation.CUT_END);

        assertEquals(1, skipped.examples().size());
        assertTrue(skipped.skipped().getFirst().origin().endsWith("data.jsonl:2"));
        assertEquals("24 August 2031<turn|>", targets(cutStart.examples().get(1)));
        assertEquals(40, cutStart.examples().get(1).length());
        assertEquals(1, cutStart.cut());
        assertEquals(1, cutEnd.examples().size());
        assertTrue(cutEnd.skipped().getFirst().reason().contains("whole answer"));
    }

    @Test
    void shareGptAndColumnsAreTheSameConversation() throws IOException {
        Path shareGpt = write(
                "{\"conversations\": [{\"from\": \"human\", \"value\": \"a\"}, {\"from\": \"gpt\", \"value\": \"b\"}]}");
        Example fromShareGpt = DatasetReader.read(
                        settings(shareGpt, 64, Truncation.ERROR, AssistantMask.Answers.ALL),
                        ChatTemplate.of(tokenizer),
                        tokenizer)
                .examples()
                .getFirst();
        Path columns = write("{\"q\": \"a\", \"r\": \"b\"}");
        Example fromColumns = DatasetReader.read(
                        new DatasetSettings(
                                columns,
                                DatasetSplit.preferring("train"),
                                new ExampleFormat.Columns(Optional.empty(), "q", "r"),
                                64,
                                Truncation.ERROR,
                                OptionalInt.empty(),
                                DatasetSettings.TrainedText.ASSISTANT,
                                AssistantMask.Answers.ALL),
                        ChatTemplate.of(tokenizer),
                        tokenizer)
                .examples()
                .getFirst();

        assertEquals(decode(fromShareGpt), decode(fromColumns));
        assertEquals(targets(fromShareGpt), targets(fromColumns));
    }

    @Test
    void anArrayAndLinesAreTheSameDatasetWhateverTheFileIsCalled() throws IOException {
        String first = row("a", "one");
        String second = row("b", "two");
        Map<String, String> files = Map.of(
                "lines.jsonl", first + "\n" + second,
                "lines.json", first + "\n\n" + second + "\n",
                "array.json", " [" + first + ",\n" + second + "]",
                "array.jsonl", "[\n" + first + ", " + second + "]\n");
        for (Map.Entry<String, String> file : files.entrySet()) {
            Path path = Files.writeString(directory.resolve(file.getKey()), file.getValue());

            Dataset dataset = read(path);

            assertEquals(
                    List.of("one<turn|>", "two<turn|>"),
                    dataset.examples().stream().map(DatasetReaderTest::targets).toList(),
                    file.getKey());
        }
        assertTrue(read(directory.resolve("array.json"))
                .examples()
                .getLast()
                .origin()
                .endsWith("array.json:2:1"));
        assertTrue(read(directory.resolve("lines.json"))
                .examples()
                .getLast()
                .origin()
                .endsWith("lines.json:3"));
    }

    @Test
    void aSystemMessageAndManyTurnsArePartOfTheText() throws IOException {
        String row = "{\"messages\": [" + message("system", "Be short.") + "," + message("user", "a") + ","
                + message("assistant", "first") + "," + message("user", "b") + "," + message("assistant", "second")
                + "]}";

        Example example = read(row, 128, Truncation.ERROR).examples().getFirst();

        assertEquals("first<turn|>second<turn|>", targets(example));
        String text = decode(example);
        assertTrue(text.indexOf("Be short.") < text.indexOf("user") && text.contains("second"), text);
    }

    @Test
    void toolsReachTheTemplate() throws IOException {
        Path template = Files.writeString(
                directory.resolve("tools.jinja"),
                "{% for tool in tools or [] %}{{ tool.function.name }};{% endfor %}"
                        + "{% for m in messages %}<|turn>{{ m.role }}\n{{ m.content }}<turn|>\n{% endfor %}"
                        + "{% if add_generation_prompt %}<|turn>assistant\n{% endif %}");
        String tools = "[{\"type\": \"function\", \"function\": {\"name\": \"lookup\"}}]";
        String start = "{\"messages\": [" + message("user", "a") + "," + message("assistant", "b") + "], \"tools\": ";
        for (String row : List.of(start + tools + "}", start + "\"" + tools.replace("\"", "\\\"") + "\"}")) {
            Example example = DatasetReader.read(
                            settings(write(row), 64, Truncation.ERROR, AssistantMask.Answers.ALL),
                            ChatTemplate.of(tokenizer, template),
                            tokenizer)
                    .examples()
                    .getFirst();

            assertTrue(decode(example).startsWith("lookup;"), decode(example));
            assertTrue(targets(example).startsWith("b"), targets(example));
        }
    }

    @Test
    void whatDoesNotFitItsLayoutIsRefusedAtItsPlace() throws IOException {
        for (String row : List.of(
                "{\"prompt\": \"a\", \"response\": \"b\"}",
                "{\"conversations\": [{\"from\": \"martian\", \"value\": \"a\"}]}",
                "{\"conversations\": [{\"from\": \"function_call\", \"value\": \"now()\"}]}",
                "{\"conversations\": [{\"from\": \"function_call\", \"value\": \"{\\\"name\\\": \\\"now\\\"}\"}]}",
                "{\"messages\": [{\"content\": \"a\"}]}",
                "{\"messages\": [{\"role\": \"robot\", \"content\": \"a\"}]}",
                "[1]")) {
            BowlineException refused = assertThrows(
                    BowlineException.class, () -> read(row("a", "b") + "\n" + row, 64, Truncation.ERROR), row);

            assertTrue(refused.problem().contains("data.jsonl:2"), refused.problem());
        }
    }

    @Test
    void oneObjectAroundTheRowsIsRefusedAsThat() {
        BowlineException around = assertThrows(
                BowlineException.class,
                () -> read("{\n\"version\": 1,\n\"data\": [" + row("a", "b") + "]\n}", 64, Truncation.ERROR));
        BowlineException single = assertThrows(
                BowlineException.class, () -> read(row("a", "b").replaceFirst("\\{", "{\n"), 64, Truncation.ERROR));

        assertTrue(
                around.problem().endsWith("is one object over several lines, with [version, data]"), around.problem());
        assertEquals("write the value of 'data' as the whole file", around.fix());
        assertTrue(single.fix().startsWith("write each example as an object on a line of its own"), single.fix());
    }

    @Test
    void halfOfACharacterIsRefusedWhereItStands() {
        BowlineException refused = assertThrows(
                BowlineException.class, () -> read(row("a", "b") + "\n" + row("\\ud800!", "b"), 64, Truncation.ERROR));

        assertTrue(
                refused.problem()
                        .contains(
                                "data.jsonl:2:43 (messages[0].content): the text to tokenize has an unpaired surrogate,"
                                        + " U+D800"),
                refused.problem());
    }

    @Test
    void aByteOrderMarkIsNoPartOfTheData() throws IOException {
        for (String rows : List.of(row("a", "b"), "[" + row("a", "b") + "]")) {
            Dataset dataset = read("\ufeff" + rows, 64, Truncation.ERROR);

            assertEquals("b<turn|>", targets(dataset.examples().getFirst()));
        }
    }

    @Test
    void conversationsMayHaveRolesAndContents() throws IOException {
        Example messages = read(row("a", "b"), 64, Truncation.ERROR).examples().getFirst();
        Example conversations = read(row("a", "b").replace("messages", "conversations"), 64, Truncation.ERROR)
                .examples()
                .getFirst();

        assertEquals(decode(messages), decode(conversations));
        assertEquals(targets(messages), targets(conversations));
    }

    @Test
    void anImageIsNotDroppedSilently() {
        for (String part : List.of(
                "{\"type\": \"image\", \"path\": \"a.png\"}",
                "{\"type\": \"image_url\", \"image_url\": {\"url\": \"a\"}}",
                "{\"type\": \"input_audio\"}",
                "{\"image\": \"a.png\"}")) {
            String content = "[{\"type\": \"text\", \"text\": \"a\"}, " + part + "]";
            String row = row("a", "b").replace("\"content\": \"a\"", "\"content\": " + content);

            BowlineException refused =
                    assertThrows(BowlineException.class, () -> read(row, 64, Truncation.ERROR), part);

            assertTrue(
                    refused.problem().contains("data.jsonl:1:75: 'messages[0].content[1]' is of the type"),
                    refused.problem());
            assertTrue(refused.problem().endsWith("training takes text only"), refused.problem());
        }
    }

    @Test
    void aFileOfAnotherKindIsToldItsKindAndWhatToDo() throws IOException {
        Map<String, Map.Entry<byte[], String>> kinds = Map.of(
                "a.parquet",
                        Map.entry(
                                bytes("PAR1\0\0\0\0"),
                                "Parquet; the reader of this format, dev.bowline:bowline-formats, is"),
                "a.csv",
                        Map.entry(
                                bytes("q,a\n1,2\n"),
                                "values; the reader of this format, dev.bowline:bowline-formats, is"),
                "a.zip", Map.entry(bytes("PK\003\004"), "a zip archive, which is not read"),
                "a.arrow", Map.entry(bytes("ARROW1\0\0"), "Arrow, which is not read"),
                "a.jsonl", Map.entry(row("a", "b").getBytes(StandardCharsets.UTF_16), "UTF-16 text, not UTF-8"),
                "b.jsonl", Map.entry(row("a", "b").getBytes(StandardCharsets.UTF_16LE), "UTF-16 text, not UTF-8"),
                "lfs.jsonl", Map.entry(bytes("version https://git-lfs.github.com/spec/v1\n"), "a Git LFS pointer"),
                "c.jsonl", Map.entry(bytes(row("a", "b") + "\n" + row("\377", "b")), "c.jsonl:2:44: byte 0xff is"));
        for (Map.Entry<String, Map.Entry<byte[], String>> kind : kinds.entrySet()) {
            Path file = Files.write(
                    directory.resolve(kind.getKey()), kind.getValue().getKey());

            BowlineException refused = assertThrows(BowlineException.class, () -> read(file), kind.getKey());

            assertTrue(refused.problem().contains(kind.getValue().getValue()), refused.problem());
        }
    }

    @Test
    void whatGzipPacksIsReadAsItsContent() throws IOException {
        String lines = row("a", "one") + "\r\n\r\n" + row("b", "two") + "\r" + row("c", "three");
        Path packed = directory.resolve("lines.jsonl.gz");
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(packed))) {
            out.write(lines.getBytes(StandardCharsets.UTF_8));
        }

        Dataset dataset = read(packed);

        assertEquals(
                List.of("one<turn|>", "two<turn|>", "three<turn|>"),
                dataset.examples().stream().map(DatasetReaderTest::targets).toList());
        assertTrue(dataset.examples().getLast().origin().endsWith("lines.jsonl.gz:4"));
        byte[] whole = Files.readAllBytes(packed);
        for (int length : new int[] {2, 12, whole.length - 9}) {
            Files.write(packed, Arrays.copyOf(whole, length));
            BowlineException refused = assertThrows(BowlineException.class, () -> read(packed));
            assertTrue(refused.problem().contains("is damaged or cut short"), refused.problem());
        }
    }

    @Test
    void aDirectoryIsTheRowsOfItsPartsInTheirOrder() throws IOException {
        Files.createDirectories(directory.resolve("data"));
        for (int part = 1; part >= 0; part--) {
            Files.writeString(
                    directory.resolve("data/train-0000%d-of-00002.jsonl".formatted(part)),
                    row("a", "row" + 2 * part) + "\n" + row("a", "row" + (2 * part + 1)) + "\n");
        }
        Map<String, List<String>> expected = Map.of(
                "train", List.of("row0", "row1", "row2", "row3"),
                "train[1:3]", List.of("row1", "row2"),
                "train[-1:]", List.of("row3"),
                "train[:50%]", List.of("row0", "row1"));
        for (Map.Entry<String, List<String>> split : expected.entrySet()) {
            Dataset dataset = read(split(split.getKey(), OptionalInt.empty()));

            assertEquals(
                    split.getValue(),
                    dataset.examples().stream()
                            .map(example -> targets(example).replace("<turn|>", ""))
                            .toList(),
                    split.getKey());
        }
        Dataset limited = read(split("train[1:]", OptionalInt.of(2)));
        assertEquals(2, limited.rows());
        assertTrue(limited.examples().getLast().origin().endsWith("train-00001-of-00002.jsonl:1"));
        assertTrue(assertThrows(BowlineException.class, () -> read(split("train[9:]", OptionalInt.empty())))
                .fix()
                .startsWith("choose another slice"));
    }

    @Test
    void rowsAfterTheLastWantedOneAreNotRead() throws IOException {
        Path file = write(row("a", "b") + "\n{broken");

        assertThrows(BowlineException.class, () -> read(file));
        assertEquals(
                1,
                read(new DatasetSettings(
                                file,
                                DatasetSplit.preferring("train"),
                                new ExampleFormat.Auto(),
                                64,
                                Truncation.ERROR,
                                OptionalInt.of(1),
                                DatasetSettings.TrainedText.ASSISTANT,
                                AssistantMask.Answers.ALL))
                        .rows());
    }

    private DatasetSettings split(String split, OptionalInt limit) {
        return new DatasetSettings(
                directory,
                DatasetSplit.of(split),
                new ExampleFormat.Auto(),
                64,
                Truncation.ERROR,
                limit,
                DatasetSettings.TrainedText.ASSISTANT,
                AssistantMask.Answers.ALL);
    }

    private static Dataset read(DatasetSettings settings) {
        return DatasetReader.read(settings, ChatTemplate.of(tokenizer), tokenizer);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    @Test
    void whatIsNoObjectIsToldToBeOne() {
        for (String rows : List.of("[1, 2]\n[3, 4]", "[[1], [2]]", row("a", "b") + "\n3", "")) {
            BowlineException refused =
                    assertThrows(BowlineException.class, () -> read(rows, 64, Truncation.ERROR), rows);

            assertTrue(refused.fix().startsWith("write each example as an object on a line of its own"), refused.fix());
        }
    }

    private Dataset read(Path file) {
        return DatasetReader.read(
                settings(file, 64, Truncation.ERROR, AssistantMask.Answers.ALL), ChatTemplate.of(tokenizer), tokenizer);
    }

    private Dataset read(String rows, int longest, Truncation truncation) throws IOException {
        return DatasetReader.read(
                settings(write(rows), longest, truncation, AssistantMask.Answers.ALL),
                ChatTemplate.of(tokenizer),
                tokenizer);
    }

    private Path write(String rows) throws IOException {
        return Files.writeString(directory.resolve("data.jsonl"), rows + "\n");
    }

    private static DatasetSettings settings(
            Path file, int longest, Truncation truncation, AssistantMask.Answers answers) {
        return new DatasetSettings(
                file,
                DatasetSplit.preferring("train"),
                new ExampleFormat.Auto(),
                longest,
                truncation,
                OptionalInt.empty(),
                DatasetSettings.TrainedText.ASSISTANT,
                answers);
    }

    private static String row(String question, String answer) {
        return "{\"messages\": [" + message("user", question) + "," + message("assistant", answer) + "]}";
    }

    private static String message(String role, String content) {
        return "{\"role\": \"%s\", \"content\": \"%s\"}".formatted(role, content);
    }

    private static DatasetSettings settings(Path file, ExampleFormat layout) {
        return new DatasetSettings(
                file,
                DatasetSplit.preferring("train"),
                layout,
                64,
                Truncation.ERROR,
                OptionalInt.empty(),
                DatasetSettings.TrainedText.ASSISTANT,
                AssistantMask.Answers.ALL);
    }

    private static String targets(Example example) {
        List<Integer> ids = new ArrayList<>();
        for (int i = 0; i < example.length(); i++) {
            if (example.targets()[i]) {
                ids.add(example.ids()[i]);
            }
        }
        return tokenizer.decodeWithSpecialTokens(
                ids.stream().mapToInt(Integer::intValue).toArray());
    }

    private static String decode(Example example) {
        return tokenizer.decodeWithSpecialTokens(example.ids());
    }
}
