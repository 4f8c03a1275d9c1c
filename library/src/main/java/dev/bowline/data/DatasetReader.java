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
import dev.bowline.text.Tokenizer;
import dev.bowline.text.UnpairedSurrogateException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

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
        List<Example> made = masked.stream()
                .filter(one -> one.tokens().ids().length > 1)
                .map(one -> inserted(new Example(one.tokens().ids(), one.assistant(), origin)))
                .filter(example -> example.targetTokens() > 0)
                .toList();
        if (made.isEmpty()) {
            throw new BowlineException(
                    "%s: the example has no token to train on".formatted(origin),
                    "give it an answer with text, or remove the row");
        }
        divided = divided.plus(made.size(), origin);
        for (Example example : made) {
            if (example.length() <= settings.longest()) {
                examples.add(example);
            } else {
                addTooLong(example);
            }
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

    private void addTooLong(Example example) {
        int longest = settings.longest();
        int length = example.length();
        String complaint = "%d tokens, %d allowed".formatted(length, longest);
        switch (settings.truncation()) {
            case ERROR ->
                throw new BowlineException(
                        "%s: the example has %s".formatted(example.origin(), complaint),
                        "raise dataset.seq_length, or choose what to do with dataset.truncation");
            case SKIP -> skipped.add(new Dataset.Skipped(example.origin(), complaint));
            case CUT_START -> addCut(example, length - longest, length, complaint);
            case CUT_END -> addCut(example, 0, longest, complaint);
        }
    }

    /// Truncation never drops an answer silently: an example that would lose its whole answer is left out and
    /// counted, and an example whose last answer would lose its beginning is refused.
    private void addCut(Example example, int from, int to, String complaint) {
        if (from > 0 && from > lastAnswerStart(example)) {
            throw new BowlineException(
                    "%s: the example has %s, and its last answer alone is longer"
                            .formatted(example.origin(), complaint),
                    "raise dataset.seq_length, or set dataset.truncation to skip");
        }
        Example shorter = new Example(
                Arrays.copyOfRange(example.ids(), from, to),
                Arrays.copyOfRange(example.targets(), from, to),
                example.origin());
        if (shorter.targetTokens() == 0) {
            skipped.add(new Dataset.Skipped(example.origin(), complaint + ", and cutting would drop the whole answer"));
        } else {
            cut++;
            examples.add(shorter);
        }
    }

    private static int lastAnswerStart(Example example) {
        boolean[] targets = example.targets();
        int at = targets.length - 1;
        while (at > 0 && !targets[at]) {
            at--;
        }
        while (at > 0 && targets[at - 1]) {
            at--;
        }
        return at;
    }
}
