package dev.bowline.data;

import dev.bowline.BowlineException;
import dev.bowline.LocatedException;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonBoolean;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import dev.bowline.text.AssistantMask;
import dev.bowline.text.ChatTemplate;
import dev.bowline.text.Conversation;
import dev.bowline.text.PlainText;
import dev.bowline.text.TemplateSyntaxException;
import dev.bowline.text.Tokenizer;
import dev.bowline.text.UnpairedSurrogateException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/// Reads a dataset into tokenised examples; every error names the file and the line.
public final class DatasetReader {

    private final DatasetSettings settings;
    private final Optional<ChatTemplate> template;
    private final Tokenizer tokenizer;
    private final List<Example> examples = new ArrayList<>();
    private final List<Dataset.Skipped> skipped = new ArrayList<>();
    private int rows;
    private int plain;
    private int cut;
    private AnswerEnds ends = AnswerEnds.NONE;
    private DividedConversations divided = DividedConversations.NONE;
    private List<UnrenderedField> unwritten = List.of();

    private DatasetReader(DatasetSettings settings, Optional<ChatTemplate> template, Tokenizer tokenizer) {
        this.settings = settings;
        this.template = template;
        this.tokenizer = tokenizer;
    }

    /// Reads with a chat template.
    ///
    /// @throws BowlineException if the file cannot be read, a row is broken or has nothing to train on, or no
    ///     example is left
    public static Dataset read(DatasetSettings settings, ChatTemplate template, Tokenizer tokenizer) {
        return new DatasetReader(settings, Optional.of(template), tokenizer).read();
    }

    /// Reads without a chat template, which most base models do not have: every example is text, and
    /// conversations are refused.
    ///
    /// @throws BowlineException as [#read(DatasetSettings, ChatTemplate, Tokenizer)]
    public static Dataset read(DatasetSettings settings, Tokenizer tokenizer) {
        return new DatasetReader(settings, Optional.empty(), tokenizer).read();
    }

    /// Reads every selected row and gives each to `use`, in the order of the files. A row that would end a run ends
    /// nothing here. A file that cannot be read to its end is one [ExaminedRow.Refused].
    ///
    /// @param template the chat template, if there is one
    /// @throws TemplateSyntaxException at the first row that needs the chat template, if it cannot be parsed
    /// @throws BowlineException if no file of the dataset is found
    public static void examine(
            DatasetSettings settings, Optional<ChatTemplate> template, Tokenizer tokenizer, Consumer<ExaminedRow> use) {
        DatasetReader reader = new DatasetReader(settings, template, tokenizer);
        DatasetRows.examine(
                settings,
                row -> use.accept(reader.examined(row)),
                (origin, failure) ->
                        use.accept(new ExaminedRow.Refused(origin, failure.problem(), failure.howToFix())));
    }

    private ExaminedRow examined(DataRow row) {
        rows++;
        String origin = row.origin();
        try {
            JsonObject object = object(row.value(), origin);
            List<AssistantMask.Masked> masked = masked(object, origin);
            List<Example> made = made(masked, origin);
            return made.isEmpty()
                    ? new ExaminedRow.WithoutTarget(origin)
                    : new ExaminedRow.Read(
                            origin,
                            made.stream()
                                    .map(example -> FittedExample.of(example, settings))
                                    .toList(),
                            masked.stream().flatMap(one -> one.ends().stream()).toList(),
                            masked.stream()
                                    .flatMap(one -> one.unwritten().stream())
                                    .toList(),
                            settings.layout().unread(object));
        } catch (TemplateSyntaxException e) {
            throw e;
        } catch (BowlineException e) {
            return new ExaminedRow.Refused(origin, e.problem(), e.howToFix());
        }
    }

    /// Conversations that a program made. An error names a conversation by its number, from 1.
    static Dataset read(
            List<Conversation> conversations, DatasetSettings settings, ChatTemplate template, Tokenizer tokenizer) {
        DatasetReader reader = new DatasetReader(settings, Optional.of(template), tokenizer);
        for (Conversation conversation : conversations) {
            reader.rows++;
            JsonObject messages = JsonObject.of().with("messages", JsonValue.of(conversation.messages()));
            JsonObject row = conversation.tools().isPresent()
                    ? messages.with("tools", conversation.tools().get())
                    : messages;
            reader.add(row, "conversation " + reader.rows);
        }
        return reader.dataset();
    }

    private Dataset read() {
        DatasetRows.forEach(settings, row -> {
            rows++;
            add(object(row.value(), row.origin()), row.origin());
        });
        return dataset();
    }

    private Dataset dataset() {
        Path file = settings.file();
        if (rows == 0) {
            throw new BowlineException(
                    "%s has no rows".formatted(file),
                    settings.split().isSlice() ? "choose another slice of the split" : JsonFormat.ONE_OBJECT_PER_LINE);
        }
        if (examples.isEmpty()) {
            throw new BowlineException(
                    "%s has no example to train on: %d rows, %d left out%s"
                            .formatted(
                                    file,
                                    rows,
                                    skipped.size(),
                                    skipped.isEmpty()
                                            ? ""
                                            : ", the first (%s): %s"
                                                    .formatted(
                                                            skipped.getFirst().origin(),
                                                            skipped.getFirst().reason())),
                    "add examples, or raise dataset.seq_length");
        }
        return new Dataset(examples, rows, plain, divided, cut, ends, unwritten, skipped);
    }

    private static JsonObject object(JsonValue row, String origin) {
        if (row instanceof JsonObject object) {
            return object;
        }
        throw new BowlineException(
                "%s: expected an object for the row, found %s".formatted(origin, row.description()),
                JsonFormat.ONE_OBJECT_PER_LINE);
    }

    private void add(JsonObject row, String origin) {
        List<AssistantMask.Masked> masked = masked(row, origin);
        for (AssistantMask.Masked one : masked) {
            ends = ends.plus(one.ends(), origin);
            unwritten = UnrenderedField.plus(unwritten, one.unwritten(), origin);
        }
        List<Example> made = made(masked, origin);
        if (made.isEmpty()) {
            throw new BowlineException(
                    "%s: the example has no token to train on".formatted(origin),
                    "give it an answer with text, or remove the row");
        }
        divided = divided.plus(made.size(), origin);
        made.forEach(this::addFitted);
    }

    /// The examples with a token to train on.
    private List<Example> made(List<AssistantMask.Masked> masked, String origin) {
        return masked.stream()
                .filter(one -> one.tokens().ids().length > 1)
                .map(one -> inserted(new Example(one.tokens().ids(), one.assistant(), origin)))
                .filter(example -> example.targetTokens() > 0)
                .toList();
    }

    private void addFitted(Example example) {
        switch (FittedExample.of(example, settings)) {
            case FittedExample.Whole whole -> examples.add(whole.example());
            case FittedExample.Cut shorter -> {
                cut++;
                examples.add(shorter.shorter());
            }
            case FittedExample.LeftOut leftOut -> skipped.add(new Dataset.Skipped(example.origin(), leftOut.reason()));
            case FittedExample.Refused refused -> throw refused.failure();
        }
    }

    private Example inserted(Example example) {
        Example written = example;
        for (InsertedTokens tokens : settings.inserted()) {
            written = tokens.into(written);
        }
        return written;
    }

    /// Adds the row to an error of the chat template.
    private List<AssistantMask.Masked> masked(JsonObject row, String origin) {
        try {
            return masked(settings.layout().content(row));
        } catch (TemplateSyntaxException e) {
            // The row is not the cause.
            throw e;
        } catch (MissingColumnException e) {
            // If the first row lacks the field, the mapping is wrong, else the row is wrong.
            throw rows == 1 ? e : new BowlineException(e.problem(), e.fix(), e);
        } catch (UnpairedSurrogateException e) {
            throw new BowlineException("%s: %s".formatted(halfCharacter(row).orElse(origin), e.problem()), e.fix(), e);
        } catch (BowlineException e) {
            throw LocatedException.within(row.location().source(), origin, e);
        }
    }

    private List<AssistantMask.Masked> masked(ExampleContent content) {
        return switch (content) {
            case ExampleContent.Turns turns -> turns(turns);
            case ExampleContent.Question asked ->
                template.isPresent() ? turns(asked.turns()) : completion(asked.question(), asked.answer());
            case ExampleContent.PromptCompletion(String prompt, String completion) -> completion(prompt, completion);
            case ExampleContent.Text(String text) -> {
                plain++;
                yield List.of(PlainText.text(text, tokenizer));
            }
        };
    }

    private List<AssistantMask.Masked> turns(ExampleContent.Turns turns) {
        ChatTemplate writing =
                template.orElseGet(() -> ChatTemplate.of(tokenizer)).and(turns.chatTemplateKwargs());
        return switch (settings.trainedText()) {
            case ASSISTANT ->
                AssistantMask.of(turns.conversation(), turns.firstTrained(), writing, tokenizer, settings.answers());
            case EVERYTHING -> List.of(AssistantMask.everything(turns.conversation(), writing, tokenizer));
        };
    }

    private List<AssistantMask.Masked> completion(String prompt, String completion) {
        plain++;
        AssistantMask.Masked masked = PlainText.completion(prompt, completion, tokenizer);
        return List.of(
                switch (settings.trainedText()) {
                    case ASSISTANT -> masked;
                    case EVERYTHING -> masked.everything();
                });
    }

    /// The place in the row of a string with an unpaired surrogate.
    private static Optional<String> halfCharacter(JsonValue value) {
        return switch (value) {
            case JsonString string ->
                UnpairedSurrogateException.lone(string.value()).isPresent()
                        ? Optional.of(string.location().toString())
                        : Optional.empty();
            case JsonObject object -> firstHalf(object.fields().values());
            case JsonArray array -> firstHalf(array.values());
            case JsonNumber _, JsonBoolean _, JsonNull _ -> Optional.empty();
        };
    }

    private static Optional<String> firstHalf(Collection<JsonValue> values) {
        return values.stream()
                .map(DatasetReader::halfCharacter)
                .flatMap(Optional::stream)
                .findFirst();
    }
}
