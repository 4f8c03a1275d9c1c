package dev.bowline.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.text.Conversation;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// However an example is written, it is the conversation that OpenAI's form would be.
class ExampleFormatTest {

    @Test
    void callsOfShareGptAreToolCalls() {
        JsonObject shareGpt = Json.parse("""
                {"tools": "[{\\"name\\": \\"now\\", \\"parameters\\": {}}]",
                 "conversations": [
                   {"from": "human", "value": "Which year?"},
                   {"from": "function_call", "value": "{\\"name\\": \\"now\\", \\"arguments\\": {\\"zone\\": \\"UTC\\"}}"},
                   {"from": "observation", "value": "2059-07-04"},
                   {"from": "gpt", "value": "2059"}]}
                """, "sharegpt").asObject();
        JsonObject messages = Json.parse("""
                {"tools": [{"type": "function", "function": {"name": "now", "parameters": {}}}],
                 "messages": [
                   {"role": "user", "content": "Which year?"},
                   {"role": "assistant", "content": "", "tool_calls": [
                     {"type": "function", "function": {"name": "now", "arguments": {"zone": "UTC"}}}]},
                   {"role": "tool", "content": "2059-07-04"},
                   {"role": "assistant", "content": "2059"}]}
                """, "messages").asObject();

        assertEquals(new ExampleFormat.Messages().conversation(messages), turns(new ExampleFormat.Auto(), shareGpt));
    }

    @Test
    void toolsThatAreAnEmptyTextAreNone() {
        String turns = "\"conversations\": [{\"from\": \"human\", \"value\": \"a\"}]}";

        assertEquals(
                new ExampleFormat.ShareGpt()
                        .conversation(Json.parse("{" + turns, "without").asObject()),
                new ExampleFormat.ShareGpt()
                        .conversation(Json.parse("{\"tools\": \"\", " + turns, "empty")
                                .asObject()));
    }

    @Test
    void columnsOfPlainTextHaveASpaceBetweenThem() {
        ExampleFormat.Columns columns = new ExampleFormat.Columns(Optional.of("before"), "ask", "reply");
        JsonObject row = row("{\"before\": \"Two.\", \"ask\": \"And two?\", \"reply\": \"Four.\"}");

        assertEquals(
                new ExampleContent.Question("Two. And two? ", "Four."),
                new ExampleFormat.SpacedColumns(columns).content(row));
    }

    @Test
    void anEmptyOrMissingInputOfAlpacaLeavesNoBlankLines() {
        ExampleFormat alpaca = new ExampleFormat.Columns(Optional.of("instruction"), "input", "output");
        String answer = "\"output\": \"Bowline.\"}";

        for (String input : List.of("\"\"", "null", "\" \\n\"")) {
            JsonObject row = row("{\"instruction\": \"Name a knot.\", \"input\": " + input + ", " + answer);
            assertEquals("Name a knot.", question(alpaca, row), input);
        }
        assertEquals(
                "Sort.\n\n3 1", question(alpaca, row("{\"instruction\": \"Sort.\", \"input\": \"3 1\", " + answer)));
        assertEquals("3 1", question(alpaca, row("{\"instruction\": null, \"input\": \"3 1\", " + answer)));
        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> alpaca.content(row("{\"instruction\": \"\", \"input\": null, " + answer)));
        assertTrue(refused.problem().contains("'instruction' and 'input' is empty"), refused.problem());
        refused = assertThrows(
                BowlineException.class,
                () -> alpaca.content(row("{\"instruction\": \"a\", \"input\": null, \"output\": null}")));
        assertTrue(refused.problem().contains("'output' is null"), refused.problem());
    }

    @Test
    void aColumnMayBeAFieldWithinAField() {
        JsonObject row = row("""
                {"question": {"en": "Where?"}, "answers": {"text": ["Delft", "delft"], "answer_start": [1, 2]},
                 "a.b": "dots in a name"}""");

        assertEquals(
                Conversation.of(List.of(
                        Conversation.message("user", "dots in a name\n\nWhere?"),
                        Conversation.message("assistant", "delft"))),
                turns(new ExampleFormat.Columns(Optional.of("a.b"), "question.en", "answers.text.1"), row));
        assertEquals(
                "rows:1:1: the row has no field 'answers.text.2' (column_mapping.answer);"
                        + " 'answers.text' is an array of 2",
                assertThrows(
                                MissingColumnException.class,
                                () -> new ExampleFormat.Columns(Optional.empty(), "question.en", "answers.text.2")
                                        .content(row))
                        .problem());
        BowlineException whole = assertThrows(
                BowlineException.class,
                () -> new ExampleFormat.Columns(Optional.empty(), "question", "answers.text.0").content(row));
        assertTrue(whole.problem().contains("such as 'question.en'"), whole.problem());
    }

    @Test
    void squadAsksInTheWordsOfAutoModel() {
        JsonObject row = row("""
                {"id": "1", "title": "Knots", "context": "Knots hold.", "question": "What holds?",
                 "answers": {"text": [" Knots ", "knots"], "answer_start": [0, 0]}}""");

        assertEquals(
                Conversation.of(List.of(
                        Conversation.message("user", "Context: Knots hold. Question: What holds? Answer: "),
                        Conversation.message("assistant", "Knots"))),
                turns(new ExampleFormat.Squad(), row));
    }

    @Test
    void hellaSwagAnswersWithTheEndingThatTheLabelNames() {
        String start = "{\"ctx\": \"A man ties\", \"endings\": [\"a cow.\", \"a knot.\"], \"label\": ";
        Conversation expected = Conversation.of(
                List.of(Conversation.message("user", "A man ties"), Conversation.message("assistant", "a knot.")));

        assertEquals(expected, turns(new ExampleFormat.HellaSwag(), row(start + "\"1\"}")));
        assertEquals(expected, turns(new ExampleFormat.HellaSwag(), row(start + "1}")));
        for (String label : List.of("\"\"", "2", "-1", "\"x\"", "null")) {
            assertThrows(
                    BowlineException.class,
                    () -> new ExampleFormat.HellaSwag().content(row(start + label + "}")),
                    label);
        }
    }

    /// The tools are what NeMo AutoModel's `make_xlam_dataset` declares.
    @Test
    void toolsAndCallsOfXlamAreOpenAis() {
        JsonObject xlam = row("""
                {"id": 7, "query": "Weather in Delft?",
                 "tools": "[{\\"name\\": \\"weather\\", \\"description\\": \\"Tells it.\\", \\"parameters\\": {\\"city\\": {\\"type\\": \\"str\\", \\"description\\": \\"Where.\\"}, \\"days\\": {\\"type\\": \\"int\\", \\"description\\": \\"How many.\\", \\"default\\": 3}, \\"odd\\": {\\"type\\": \\"List[int]\\"}}}]",
                 "answers": "[{\\"name\\": \\"weather\\", \\"arguments\\": {\\"city\\": \\"Delft\\"}}]"}""");
        JsonObject messages = row("""
                {"tools": [{"type": "function", "function": {"name": "weather", "description": "Tells it.",
                   "parameters": {"type": "object", "properties": {
                     "city": {"type": "string", "description": "Where."},
                     "days": {"type": "integer", "description": "How many.", "default": 3},
                     "odd": {"type": "string", "description": ""}}, "required": ["city", "odd"]}}}],
                 "messages": [{"role": "user", "content": "Weather in Delft?"},
                   {"role": "assistant", "content": "", "tool_calls": [
                     {"type": "function", "function": {"name": "weather", "arguments": {"city": "Delft"}}}]}]}""");

        assertEquals(
                new ExampleFormat.Messages().conversation(messages), new ExampleFormat.XlamCalls().conversation(xlam));
        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> new ExampleFormat.XlamCalls().conversation(xlam.with("tools", "[{\"name\": ")));
        assertTrue(refused.problem().contains("'tools' is not JSON"), refused.problem());
    }

    @Test
    void promptAndCompletionOfTrlAreTextsOrTurnsOfWhichTheLatterAreTrained() {
        JsonObject texts = row("{\"prompt\": \"a \", \"completion\": \"b\"}");
        JsonObject turns = row("""
                {"prompt": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
                            {"role": "user", "content": "c"}],
                 "completion": [{"role": "assistant", "content": "d"}], "tools": null}""");
        JsonObject mixed = row("{\"prompt\": \"a\", \"completion\": [{\"role\": \"assistant\", \"content\": \"b\"}]}");

        assertEquals(new ExampleContent.PromptCompletion("a ", "b"), new ExampleFormat.Auto().content(texts));
        ExampleContent.Turns read = (ExampleContent.Turns) new ExampleFormat.Auto().content(turns);
        assertEquals(3, read.firstTrained());
        assertEquals(
                List.of("a", "b", "c", "d"),
                read.conversation().messages().stream()
                        .map(message -> message.requireString("content"))
                        .toList());
        assertThrows(BowlineException.class, () -> new ExampleFormat.Auto().content(mixed));
    }

    @Test
    void aRowOfTextIsTrainedAsAWhole() {
        assertEquals(
                new ExampleContent.Text("a\nb"),
                new ExampleFormat.Auto().content(row("{\"text\": \"a\\nb\", \"id\": 1}")));
    }

    private static Conversation turns(ExampleFormat layout, JsonObject row) {
        return switch (layout.content(row)) {
            case ExampleContent.Turns turns -> turns.conversation();
            case ExampleContent.Question question -> question.turns().conversation();
            case ExampleContent.PromptCompletion _, ExampleContent.Text _ -> throw new AssertionError("no turns");
        };
    }

    private static String question(ExampleFormat layout, JsonObject row) {
        return turns(layout, row).messages().getFirst().requireString("content");
    }

    private static JsonObject row(String json) {
        return Json.parse(json, "rows").asObject();
    }
}
