package dev.bowline.data;

import dev.bowline.LocatedException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import dev.bowline.text.Conversation;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The format of one example in a dataset file.
public sealed interface ExampleFormat {

    ExampleContent content(JsonObject example);

    /// The top-level fields of `example` that this format reads; some of them may be absent.
    Set<String> fields(JsonObject example);

    /// The fields of `example` that this format does not read.
    default List<String> unread(JsonObject example) {
        Set<String> read = fields(example);
        return example.keys().stream().filter(field -> !read.contains(field)).toList();
    }

    /// A layout of conversations.
    sealed interface Chat extends ExampleFormat {

        Conversation conversation(JsonObject example);

        @Override
        default ExampleContent content(JsonObject example) {
            return new ExampleContent.Turns(conversation(example), 0, chatTemplateKwargs(example));
        }
    }

    /// The format is chosen by the keys of each example: `messages`, `conversations`, `prompt` and `completion`,
    /// or `text`.
    record Auto() implements ExampleFormat {
        @Override
        public Set<String> fields(JsonObject example) {
            return format(example).map(format -> format.fields(example)).orElseGet(Set::of);
        }

        @Override
        public ExampleContent content(JsonObject example) {
            return format(example).orElseThrow(() -> neither(example)).content(example);
        }

        private static Optional<ExampleFormat> format(JsonObject example) {
            if (example.has("messages")) {
                return Optional.of(new Messages());
            }
            if (example.has("conversations")) {
                return Optional.of(new ShareGpt());
            }
            if (example.has(PromptCompletion.PROMPT) && example.has(PromptCompletion.COMPLETION)) {
                return Optional.of(new PromptCompletion());
            }
            return example.has(Text.FIELD) ? Optional.of(new Text()) : Optional.empty();
        }

        private static LocatedException neither(JsonObject example) {
            return new LocatedException(
                    example.location().source(),
                    ("%s: the example has neither 'messages' nor 'conversations', 'prompt' and 'completion' or 'text',"
                                    + " but %s")
                            .formatted(example.location().position(), example.keys()),
                    "name the fields with dataset.column_mapping, or set dataset.format");
        }
    }

    /// TRL's prompt-completion: `prompt` and `completion`, both texts or both lists of messages, and perhaps
    /// `tools`. Texts are trained on without a chat template.
    record PromptCompletion() implements ExampleFormat {
        private static final String PROMPT = "prompt";
        private static final String COMPLETION = "completion";

        @Override
        public Set<String> fields(JsonObject example) {
            return Set.of(PROMPT, COMPLETION, RowFields.TOOLS, RowFields.KWARGS);
        }

        @Override
        public ExampleContent content(JsonObject example) {
            if (!(example.require(PROMPT) instanceof JsonArray)) {
                return new ExampleContent.PromptCompletion(
                        example.requireString(PROMPT), example.requireString(COMPLETION));
            }
            List<JsonObject> messages = new ArrayList<>(Messages.messages(example, PROMPT));
            int firstTrained = messages.size();
            messages.addAll(Messages.messages(example, COMPLETION));
            return new ExampleContent.Turns(
                    new Conversation(messages, Messages.tools(example)), firstTrained, chatTemplateKwargs(example));
        }
    }

    /// TRL's language modeling: `text`, trained on as a whole without a chat template.
    record Text() implements ExampleFormat {
        private static final String FIELD = "text";

        @Override
        public Set<String> fields(JsonObject example) {
            return Set.of(FIELD);
        }

        @Override
        public ExampleContent content(JsonObject example) {
            return new ExampleContent.Text(example.requireString(FIELD));
        }
    }

    /// OpenAI chat: `messages` with `role` and `content`, and perhaps `tools`.
    record Messages() implements Chat {
        @Override
        public Set<String> fields(JsonObject example) {
            return Set.of("messages", RowFields.TOOLS, RowFields.KWARGS);
        }

        @Override
        public Conversation conversation(JsonObject example) {
            return new Conversation(messages(example, "messages"), tools(example));
        }

        static List<JsonObject> messages(JsonObject example, String field) {
            List<JsonObject> messages = example.requireArray(field).objects();
            messages.forEach(message -> message.requireString("role"));
            messages.forEach(NonTextContent::refuse);
            return messages;
        }

        /// Some files have the array as a string of JSON. The string is empty if there are no tools.
        static Optional<JsonArray> tools(JsonObject example) {
            Optional<JsonValue> tools = example.get(RowFields.TOOLS);
            if (tools.isPresent() && tools.get() instanceof JsonString text) {
                if (text.value().isBlank()) {
                    return Optional.empty();
                }
                return Optional.of(Json.parse(text.value(), example.location().source() + " (tools)")
                        .asArray());
            }
            return example.optionalArray(RowFields.TOOLS);
        }
    }

    /// `conversations` with `from` and `value`, or with `role` and `content` as in [Messages]; and perhaps
    /// `tools`.
    ///
    /// The value of a turn from `function_call` is the call as JSON, which becomes the assistant's `tool_calls`.
    /// A turn from `observation` is the result of the tool.
    record ShareGpt() implements Chat {
        @Override
        public Set<String> fields(JsonObject example) {
            return Set.of("conversations", "system", RowFields.TOOLS, RowFields.KWARGS);
        }

        @Override
        public Conversation conversation(JsonObject example) {
            return ShareGptConversation.of(example);
        }
    }

    /// A field for the question and one for the answer, and perhaps one for a context before the question. A name
    /// with dots is a field within a field, such as `answers.text.0`.
    ///
    /// Context and question are joined by a blank line. One of the two may be empty or null, as `input` often is
    /// in Alpaca's rows: the other is then the user's turn.
    record Columns(Optional<String> context, String question, String answer) implements ExampleFormat {
        @Override
        public Set<String> fields(JsonObject example) {
            return Stream.concat(context.stream(), Stream.of(question, answer))
                    .map(field -> example.has(field) ? field : field.split("\\.", 2)[0])
                    .collect(Collectors.toUnmodifiableSet());
        }

        @Override
        public ExampleContent content(JsonObject example) {
            return content(example, "\n\n", "");
        }

        private ExampleContent content(JsonObject example, String between, String end) {
            Optional<String> before = context.flatMap(field -> text(example, "context", field));
            Optional<String> asked = text(example, "question", question);
            String turn = Stream.of(before, asked)
                    .flatMap(Optional::stream)
                    .filter(text -> !text.isBlank())
                    .collect(Collectors.joining(between));
            if (turn.isEmpty()) {
                throw new LocatedException(
                        example.location().source(),
                        "%s: '%s' is empty, so there is no question"
                                .formatted(
                                        example.location().position(),
                                        context.map(field -> field + "' and '").orElse("") + question),
                        "give the row a question, or remove it");
            }
            Optional<String> answered = text(example, "answer", answer);
            if (answered.isEmpty()) {
                throw new LocatedException(
                        example.location().source(),
                        "%s: '%s' is null, so there is no answer"
                                .formatted(example.location().position(), answer),
                        "give the row an answer, or remove it");
            }
            return new ExampleContent.Question(turn + end, answered.get());
        }

        private static Optional<String> text(JsonObject example, String role, String field) {
            FieldPath path = new FieldPath(field);
            if (path.find(example).isEmpty()) {
                throw new MissingColumnException(example, role, path);
            }
            return path.findText(example);
        }
    }

    /// [Columns] for plain text: context, question and answer have a space between them, as in NeMo AutoModel.
    record SpacedColumns(Columns columns) implements ExampleFormat {
        @Override
        public Set<String> fields(JsonObject example) {
            return columns.fields(example);
        }

        @Override
        public ExampleContent content(JsonObject example) {
            return columns.content(example, " ", " ");
        }
    }

    /// SQuAD: `context`, `question` and the first text of `answers`, with the prompt text of NeMo AutoModel.
    record Squad() implements ExampleFormat {
        @Override
        public Set<String> fields(JsonObject example) {
            return Set.of("context", "question", "answers");
        }

        @Override
        public ExampleContent content(JsonObject example) {
            List<String> answers =
                    example.requireObject("answers").requireArray("text").strings();
            String question = "Context: %s Question: %s Answer: "
                    .formatted(
                            example.optionalString("context").orElse(""),
                            example.optionalString("question").orElse(""));
            return new ExampleContent.Question(
                    question, answers.isEmpty() ? "" : answers.getFirst().strip());
        }
    }

    /// HellaSwag: `ctx`, and the element of `endings` with the index `label`, from 0.
    record HellaSwag() implements ExampleFormat {
        @Override
        public Set<String> fields(JsonObject example) {
            return Set.of("ctx", "endings", "label");
        }

        @Override
        public ExampleContent content(JsonObject example) {
            List<String> endings = example.requireArray("endings").strings();
            JsonValue label = example.require("label");
            int right = label instanceof JsonString text ? index(text) : label.asInt();
            if (right < 0 || right >= endings.size()) {
                throw label.mistyped("the index of one of %d endings".formatted(endings.size()));
            }
            return new ExampleContent.Question(example.requireString("ctx"), endings.get(right));
        }

        private static int index(JsonString label) {
            if (!label.value().matches("[0-9]{1,9}")) {
                throw label.mistyped("the index of an ending; a test split has none");
            }
            return Integer.parseInt(label.value());
        }
    }

    /// xLAM function calling: `query`, `tools` and the calls in `answers`.
    record XlamCalls() implements Chat {
        @Override
        public Set<String> fields(JsonObject example) {
            return Set.of("query", RowFields.TOOLS, "answers", RowFields.KWARGS);
        }

        @Override
        public Conversation conversation(JsonObject example) {
            return Xlam.conversation(example);
        }
    }

    /// The variables for the chat template in a row, in TRL's field.
    private static JsonObject chatTemplateKwargs(JsonObject example) {
        return example.optionalObject(RowFields.KWARGS).orElseGet(JsonObject::of);
    }

    /// A tool or a call in OpenAI's form, which templates expect.
    static JsonObject function(JsonObject function) {
        return JsonObject.of().with("type", "function").with("function", function);
    }
}
