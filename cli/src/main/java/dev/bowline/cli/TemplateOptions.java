package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.text.ChatTemplate;
import dev.bowline.text.Tokenizer;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// The options of rendering a conversation.
final class TemplateOptions {

    @Option(
            names = "--chat-template",
            paramLabel = "NAME|FILE",
            description =
                    "The name of one of the checkpoint's chat templates, or a path with a dot or a slash to a Jinja file."
                            + " Default: the checkpoint's default, or tool_use with --tools.")
    private @Nullable String chosen;

    @Option(
            names = "--chat-template-kwargs",
            paramLabel = "JSON",
            description = "Variables for the chat template: an object of names and values.")
    private @Nullable String kwargs;

    @Option(names = "--tools", paramLabel = "FILE", description = "A JSON array of tools to declare to the model.")
    private @Nullable Path tools;

    boolean isGiven() {
        return chosen != null || kwargs != null || tools != null;
    }

    Optional<JsonArray> tools() {
        return tools == null ? Optional.empty() : Optional.of(Json.parse(tools).asArray());
    }

    ChatTemplate open(Tokenizer tokenizer) {
        ChatTemplate template;
        if (chosen == null) {
            template = ChatTemplate.of(tokenizer);
        } else if (chosen.contains(".") || chosen.contains("/")) {
            template = ChatTemplate.of(tokenizer, Path.of(chosen));
        } else {
            template = ChatTemplate.named(tokenizer, chosen);
        }
        return template.with(variables());
    }

    private JsonObject variables() {
        if (kwargs == null) {
            return JsonObject.of();
        }
        try {
            return Json.parse(kwargs, "--chat-template-kwargs").asObject();
        } catch (BowlineException e) {
            throw new BowlineException(
                    e.problem(),
                    "write a JSON object, such as --chat-template-kwargs '{\"enable_thinking\": true}'",
                    e);
        }
    }
}
