package dev.bowline.data;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import org.junit.jupiter.api.Test;

/// However an example is written, it is the conversation that OpenAI's form would be.
class LayoutTest {

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

        assertEquals(new Layout.Messages().conversation(messages), new Layout.Auto().conversation(shareGpt));
    }

    @Test
    void toolsThatAreAnEmptyTextAreNone() {
        String turns = "\"conversations\": [{\"from\": \"human\", \"value\": \"a\"}]}";

        assertEquals(
                new Layout.ShareGpt()
                        .conversation(Json.parse("{" + turns, "without").asObject()),
                new Layout.ShareGpt()
                        .conversation(Json.parse("{\"tools\": \"\", " + turns, "empty")
                                .asObject()));
    }
}
