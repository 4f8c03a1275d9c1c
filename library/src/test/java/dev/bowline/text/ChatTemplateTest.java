package dev.bowline.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A checkpoint's chat template is found where transformers finds it, and sees what transformers shows it.
class ChatTemplateTest {

    private static final Conversation QUESTION = Conversation.of(Message.user("Hi"));
    private static final Conversation WITH_TOOLS = new Conversation(
            List.of(Message.user("Hi")),
            List.of(Json.parse("{\"type\": \"function\", \"function\": {\"name\": \"f\"}}", "test")
                    .asObject()));

    @TempDir
    Path directory;

    @Test
    void theJinjaFileComesBeforeTheConfig() throws IOException {
        write("chat_template.jinja", "file");
        write("tokenizer_config.json", "{\"chat_template\": \"config\"}");

        assertEquals("file", text(QUESTION));
    }

    @Test
    void aTemplateInTheConfigIsEnough() throws IOException {
        write(
                "tokenizer_config.json",
                "{\"chat_template\": \"{{ bos_token }}{{ messages[0].content }}\", \"bos_token\": {\"content\": \"<s>\"}}");

        assertEquals("<s>Hi", text(QUESTION));
    }

    @Test
    void toolsTakeTheTemplateForTools() throws IOException {
        write(
                "tokenizer_config.json",
                "{\"chat_template\": [{\"name\": \"default\", \"template\": \"plain\"},"
                        + " {\"name\": \"tool_use\", \"template\": \"{{ tools[0].function.name }}\"}]}");

        assertEquals("plain", text(QUESTION));
        assertEquals("f", text(WITH_TOOLS));
    }

    @Test
    void additionalTemplatesAreFiles() throws IOException {
        write("chat_template.jinja", "plain");
        Files.createDirectory(directory.resolve("additional_chat_templates"));
        write("additional_chat_templates/tool_use.jinja", "tools");

        assertEquals("plain", text(QUESTION));
        assertEquals("tools", text(WITH_TOOLS));
    }

    @Test
    void namedTemplatesWithoutADefaultAreRefused() throws IOException {
        write("tokenizer_config.json", "{\"chat_template\": [{\"name\": \"rag\", \"template\": \"x\"}]}");

        BowlineException refused = assertThrows(BowlineException.class, () -> text(QUESTION));

        assertTrue(refused.problem().contains("[rag]"), refused.problem());
    }

    @Test
    void aDirectoryWithoutATemplateSaysWhatToDo() {
        BowlineException refused = assertThrows(BowlineException.class, () -> ChatTemplate.open(directory));

        assertTrue(refused.problem().contains("no chat template"), refused.problem());
    }

    @Test
    void aBrokenTemplateIsNamedWithItsLine() throws IOException {
        write("chat_template.jinja", "a\n{{ oops\n");

        BowlineException refused = assertThrows(BowlineException.class, () -> ChatTemplate.open(directory));

        assertTrue(refused.problem().startsWith("chat_template.jinja, line 2: "), refused.problem());
    }

    @Test
    void variablesReachTheTemplateAndTheClockIsOurs() throws IOException {
        write("chat_template.jinja", "{{ enable_thinking }} {{ strftime_now('%Y') }} {{ add_generation_prompt }}");
        ChatOptions options = ChatOptions.prompting()
                .with(JsonObject.of().with("enable_thinking", true))
                .at(Clock.fixed(Instant.parse("2021-05-06T07:08:09Z"), ZoneOffset.UTC));

        String text = ChatTemplate.open(directory).render(QUESTION, options).text();

        assertEquals("True 2021 True", text);
    }

    @Test
    void absentToolsAndDocumentsAreNone() {
        ChatTemplate template = ChatTemplate.of("t", "{{ tools }} {{ documents }} {{ bos_token }}", Map.of());

        assertEquals(
                "None None ", template.render(QUESTION, ChatOptions.complete()).text());
    }

    @Test
    void aMessageWithoutARoleIsRefusedAtItsPlace() {
        JsonObject message = Json.parse("{\n \"content\": \"x\"}", "data.jsonl").asObject();

        BowlineException refused = assertThrows(BowlineException.class, () -> new Message(message));

        assertTrue(refused.problem().contains("data.jsonl:1:1"), refused.problem());
        assertTrue(refused.problem().contains("'role'"), refused.problem());
    }

    private String text(Conversation conversation) {
        return ChatTemplate.open(directory)
                .render(conversation, ChatOptions.complete())
                .text();
    }

    private void write(String name, String content) throws IOException {
        Files.writeString(directory.resolve(name), content);
    }
}
