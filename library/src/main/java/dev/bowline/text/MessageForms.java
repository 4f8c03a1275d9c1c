package dev.bowline.text;

import dev.bowline.BowlineException;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonObject;
import dev.bowline.text.ChatTemplate.End;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Converts messages to the form that a chat template renders correctly.
///
/// - OpenAI's files hold `arguments` of a tool call as a string of JSON. Most templates take an object: they
/// would write the string encoded twice, or fail. A template that writes a string unchanged gets a string.
/// - `content` is null in a message that only calls tools. A template that does not expect null writes the word
/// `None`, or fails; it gets an empty text.
/// - `content` is a list of texts where a file has them as parts. A template that expects a text writes the list
/// itself, leaves it out, or fails; it gets the texts joined.
/// - Any other field that is null is left out, as files written from tables have every field in every message.
final class MessageForms {

    private static final String CONTENT = "content";

    /// Null as templates write it: printed, and encoded as JSON.
    private static final List<String> WORDS = List.of("None", "null");

    private final ChatTemplate template;

    private MessageForms(ChatTemplate template) {
        this.template = template;
    }

    static Conversation of(Conversation conversation, ChatTemplate template) {
        MessageForms forms = new MessageForms(template);
        return forms.contents(forms.arguments(forms.parts(conversation.map(MessageForms::withoutNulls))));
    }

    private static JsonObject withoutNulls(JsonObject message) {
        JsonObject kept = message;
        for (String key : message.keys()) {
            if (!key.equals(CONTENT) && message.require(key) instanceof JsonNull) {
                kept = kept.without(key);
            }
        }
        return kept;
    }

    private Conversation parts(Conversation conversation) {
        Conversation joined = conversation.map(ContentParts::joined);
        if (joined.equals(conversation)) {
            return conversation;
        }
        Optional<String> asParts = textWithContents(conversation);
        Optional<String> asText = textWithContents(joined);
        if (asParts.isEmpty() || asText.isEmpty()) {
            return asParts.isEmpty() ? joined : conversation;
        }
        return !ContentParts.areWritten(conversation, asParts.get()) && ContentParts.areWritten(joined, asText.get())
                ? joined
                : conversation;
    }

    private Conversation arguments(Conversation conversation) {
        Conversation objects = conversation.map(message -> ToolArguments.map(message, ToolArguments::asObject));
        Conversation strings = conversation.map(message -> ToolArguments.map(message, ToolArguments::asString));
        if (objects.equals(strings)) {
            return conversation;
        }
        Optional<String> asObjects = textWithContents(objects);
        Optional<String> asStrings = textWithContents(strings);
        if (asObjects.isEmpty() && asStrings.isPresent()) {
            return strings;
        }
        boolean wereStrings = !objects.equals(conversation);
        boolean isPrinted = asObjects.isPresent()
                && asStrings.isPresent()
                && ToolArguments.in(objects).anyMatch(value -> ToolArguments.isPrinted(value, asObjects.get()));
        return wereStrings && isPrinted ? strings : objects;
    }

    /// The text, with an empty content in place of a null one where the template refuses null.
    private Optional<String> textWithContents(Conversation conversation) {
        return text(conversation).or(() -> text(conversation.map(MessageForms::withText)));
    }

    /// Replaces the nulls that are written as a word, and no other: some templates tell a tool call by its null.
    private Conversation contents(Conversation conversation) {
        Conversation empty = conversation.map(MessageForms::withText);
        if (empty.equals(conversation)) {
            return conversation;
        }
        Optional<String> written = text(conversation);
        if (written.isEmpty()) {
            return empty;
        }
        Conversation best = conversation;
        String text = written.get();
        for (int i = 0; i < conversation.messages().size(); i++) {
            List<JsonObject> messages = new ArrayList<>(best.messages());
            messages.set(i, withText(messages.get(i)));
            Conversation candidate = new Conversation(messages, best.tools());
            Optional<String> without = candidate.equals(best) ? Optional.empty() : text(candidate);
            if (without.isPresent() && hasWordMore(text, without.get())) {
                best = candidate;
                text = without.get();
            }
        }
        return best;
    }

    /// True if a null became a word in `text` that is not in `other`.
    private static boolean hasWordMore(String text, String other) {
        return WORDS.stream().anyMatch(word -> {
            int at = text.indexOf(word);
            while (at >= 0 && !(text.substring(0, at) + text.substring(at + word.length())).equals(other)) {
                at = text.indexOf(word, at + 1);
            }
            return at >= 0;
        });
    }

    private static JsonObject withText(JsonObject message) {
        boolean hasContent = message.get(CONTENT)
                .filter(value -> !(value instanceof JsonNull))
                .isPresent();
        return hasContent ? message : message.with(CONTENT, "");
    }

    /// The rendered conversation; empty if the template refuses it.
    private Optional<String> text(Conversation conversation) {
        try {
            return Optional.of(template.text(conversation, End.LAST_MESSAGE));
        } catch (BowlineException _) {
            return Optional.empty();
        }
    }
}
