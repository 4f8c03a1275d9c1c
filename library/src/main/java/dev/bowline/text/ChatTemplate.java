package dev.bowline.text;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import dev.bowline.text.jinja.Rendering;
import dev.bowline.text.jinja.Template;
import dev.bowline.text.jinja.Value;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/// How a checkpoint writes a conversation down: its `chat_template.jinja`, or `chat_template` of
/// tokenizer_config.json.
public final class ChatTemplate {

    /// How the text ends.
    public enum End {
        /// After the last message.
        LAST_MESSAGE,
        /// With what the model goes on from to answer: `add_generation_prompt`.
        GENERATION_PROMPT
    }

    private final Template template;
    private final Map<String, Value> specialTokens = new LinkedHashMap<>();

    private ChatTemplate(Template template, Map<String, String> specialTokens) {
        this.template = template;
        specialTokens.forEach((name, text) -> this.specialTokens.put(name, Value.of(text)));
    }

    /// The template of the tokenizer's directory.
    public static ChatTemplate of(Tokenizer tokenizer) {
        Path directory = tokenizer.directory();
        Path file = directory.resolve("chat_template.jinja");
        if (Files.isRegularFile(file)) {
            return of(tokenizer, file);
        }
        Path config = directory.resolve("tokenizer_config.json");
        Optional<String> inConfig = Files.isRegularFile(config)
                ? Json.parse(config).asObject().get("chat_template").flatMap(ChatTemplate::source)
                : Optional.empty();
        return new ChatTemplate(
                Template.parse(
                        config + ": chat_template",
                        inConfig.orElseThrow(() -> new BowlineException(
                                "%s has no chat template".formatted(directory),
                                "add a chat_template.jinja, or name one with dataset.chat_template"))),
                tokenizer.specialTokens());
    }

    /// A template file in place of the checkpoint's.
    public static ChatTemplate of(Tokenizer tokenizer, Path file) {
        try {
            return new ChatTemplate(Template.parse(file.toString(), Files.readString(file)), tokenizer.specialTokens());
        } catch (IOException e) {
            throw new BowlineException(
                    "%s cannot be read: %s".formatted(file, e.getMessage()), "name a readable UTF-8 text file", e);
        }
    }

    /// One template, or a list of named ones of which `default` is meant.
    private static Optional<String> source(JsonValue value) {
        return switch (value) {
            case JsonString string -> Optional.of(string.value());
            case JsonArray named ->
                named.objects().stream()
                        .filter(entry -> entry.requireString("name").equals("default"))
                        .map(entry -> entry.requireString("template"))
                        .findFirst();
            default -> Optional.empty();
        };
    }

    public Rendering render(Conversation conversation, End end) {
        Map<String, Value> variables = new LinkedHashMap<>(specialTokens);
        variables.put(
                "messages",
                Value.list(conversation.messages().stream().map(JsonValues::of).toList()));
        variables.put(
                "tools",
                conversation
                        .tools()
                        .map(tools -> JsonValues.of((JsonValue) tools))
                        .orElse(Value.NONE));
        variables.put("documents", Value.NONE);
        variables.put("add_generation_prompt", Value.of(end == End.GENERATION_PROMPT));
        return template.render(variables, Clock.systemDefaultZone());
    }

    /// The text alone.
    public String text(Conversation conversation, End end) {
        return render(conversation, end).text();
    }

    /// A single question, for a prompt.
    public String prompt(String question) {
        JsonObject message = Conversation.message("user", question);
        return text(Conversation.of(java.util.List.of(message)), End.GENERATION_PROMPT);
    }
}
