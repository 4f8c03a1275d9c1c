package dev.bowline.text;

import dev.bowline.BowlineException;
import dev.bowline.json.JsonValue;
import dev.bowline.text.ChatOptions.Ending;
import dev.bowline.text.jinja.Rendering;
import dev.bowline.text.jinja.Template;
import dev.bowline.text.jinja.Value;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/// Puts conversations into the words a model was trained on.
///
/// A checkpoint can have several templates. As in transformers, `tool_use` is taken where there are tools and such a
/// template, `default` otherwise.
public final class ChatTemplate {

    private static final String DEFAULT = "default";
    private static final String FOR_TOOLS = "tool_use";

    private final Map<String, Template> templates;
    private final Map<String, String> namedTokens;

    private ChatTemplate(Map<String, Template> templates, Map<String, String> namedTokens) {
        this.templates = templates;
        this.namedTokens = namedTokens;
    }

    /// The template of a checkpoint directory, from `chat_template.jinja` (and `additional_chat_templates/`),
    /// `chat_template.json`, or the `chat_template` of tokenizer_config.json, the first of these that there is.
    public static ChatTemplate open(Path directory) {
        Map<String, Template> templates = new LinkedHashMap<>();
        TemplateFiles.read(directory)
                .forEach((name, file) -> templates.put(name, Template.parse(file.name(), file.source())));
        if (templates.isEmpty()) {
            throw new BowlineException(
                    "%s has no chat template: no chat_template.jinja, and none in tokenizer_config.json"
                            .formatted(directory),
                    "copy chat_template.jinja from the model's instruction-tuned checkpoint, or use prompt and completion columns instead of messages");
        }
        return new ChatTemplate(templates, NamedTokens.read(directory).byName());
    }

    /// @param name what messages call the template, such as its file
    /// @param namedTokens the texts of `bos_token`, `eos_token` and so on
    public static ChatTemplate of(String name, String source, Map<String, String> namedTokens) {
        return new ChatTemplate(Map.of(DEFAULT, Template.parse(name, source)), Map.copyOf(namedTokens));
    }

    /// Throws a [BowlineException] when the template refuses the conversation.
    public Rendering render(Conversation conversation, ChatOptions options) {
        Map<String, Value> variables = new HashMap<>();
        namedTokens.forEach((name, text) -> variables.put(name, Value.of(text)));
        variables.put("documents", Value.NONE);
        variables.putAll(JsonValues.variables(options.variables()));
        variables.put(
                "messages",
                Value.list(conversation.messages().stream()
                        .map(message -> JsonValues.of(message.fields()))
                        .toList()));
        variables.put("tools", tools(conversation));
        variables.put("add_generation_prompt", Value.of(options.ending() == Ending.BEFORE_ANSWER));
        return template(conversation).render(variables, options.clock());
    }

    private static Value tools(Conversation conversation) {
        return conversation.tools().isEmpty() ? Value.NONE : JsonValues.of(JsonValue.of(conversation.tools()));
    }

    private Template template(Conversation conversation) {
        Template forTools = templates.get(FOR_TOOLS);
        if (!conversation.tools().isEmpty() && forTools != null) {
            return forTools;
        }
        Template usual = templates.get(DEFAULT);
        if (usual == null) {
            throw new BowlineException(
                    "the chat templates are named %s, and none of them '%s'".formatted(templates.keySet(), DEFAULT),
                    "save the one you want as chat_template.jinja");
        }
        return usual;
    }
}
