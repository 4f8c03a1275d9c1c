package dev.bowline.text;

import dev.bowline.LocatedException;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import dev.bowline.text.AnswerRegions.Boundary;
import dev.bowline.text.jinja.Rendering;
import dev.bowline.text.jinja.Rendering.GenerationTracking;
import dev.bowline.text.jinja.Span;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// The tokens of a rendered conversation that the assistant wrote.
///
/// In a template with `{% generation %}` blocks, the tokens that touch a block are the assistant's. Without
/// blocks, the turns before an answer are rendered, and the answer extends from their end to the next turn.
///
/// Every answer is trained in the form that the template gives to a last message. If the template writes earlier
/// turns differently when more turns follow, the conversation becomes several rows, each with the turns up to the
/// answers that it trains; otherwise it is one row.
///
/// The end-of-turn token belongs to the answer; otherwise the model would never learn to stop. It is the added
/// token (one of tokenizer.json's `added_tokens`) that the template prints right after the answer's text: inside
/// the block or region, or directly behind every block of the conversation. White space after it is not part of
/// the answer.
///
/// Some templates end the generation prompt with text that they do not print before a given answer, such as an
/// empty thought. Generation uses that prompt, so the text precedes every trained answer, without being trained
/// on.
///
/// An assistant message with `"weight": 0` is not trained on, as in OpenAI's fine-tuning files.
public final class AssistantMask {

    /// The assistant's messages that are trained on.
    public enum Answers {
        ALL,
        LAST
    }

    /// One row.
    ///
    /// @param tokens the conversation up to the last answer of the row, or the whole of it
    /// @param assistant whether token i is the assistant's and to be trained on
    /// @param ends for every trained answer the id of its end-of-turn token, or [#NO_END]
    /// @param unwritten text that the trained answers hold and the row does not
    public record Masked(
            TokenizedText tokens, boolean[] assistant, List<Integer> ends, List<UnrenderedText> unwritten) {

        /// The same with every token trained on.
        public Masked everything() {
            boolean[] all = new boolean[assistant.length];
            Arrays.fill(all, true);
            return new Masked(tokens, all, ends, unwritten);
        }
    }

    /// The id for an answer without an end-of-turn token, from which a model learns never to stop.
    public static final int NO_END = -1;

    private final ChatTemplate template;
    private final Tokenizer tokenizer;
    private final Answers which;

    private AssistantMask(ChatTemplate template, Tokenizer tokenizer, Answers which) {
        this.template = template;
        this.tokenizer = tokenizer;
        this.which = which;
    }

    /// The rows that train the answers of a conversation, each answer once.
    ///
    /// @param firstTrained the first message that may be trained on; 0 for any
    /// @throws dev.bowline.BowlineException if the template refuses the conversation, or an answer cannot be told
    ///     from the turns before it
    public static List<Masked> of(
            Conversation conversation, int firstTrained, ChatTemplate template, Tokenizer tokenizer, Answers answers) {
        return new AssistantMask(template, tokenizer, answers).mask(conversation, firstTrained);
    }

    /// The whole conversation as one row, every token of which is trained on.
    ///
    /// @throws dev.bowline.BowlineException if the template refuses the conversation
    public static Masked everything(Conversation conversation, ChatTemplate template, Tokenizer tokenizer) {
        Conversation formed = MessageForms.of(conversation, template);
        TokenizedText tokens = tokenizer.encodeWithSpans(template.text(formed, ChatTemplate.End.LAST_MESSAGE));
        return new Masked(tokens, new boolean[tokens.size()], List.of(), List.of()).everything();
    }

    private List<Masked> mask(Conversation written, int firstTrained) {
        Conversation conversation = MessageForms.of(written, template);
        RenderedTurns turns = new RenderedTurns(conversation, template, tokenizer);
        Rendering whole = turns.first(turns.size());
        boolean marked = !whole.generations().isEmpty() && whole.generationTracking() == GenerationTracking.COMPLETE;
        AnswerFinder finder = marked ? new MarkedAnswers(turns) : new RenderedAnswers(turns);
        return new AnswerRows(turns, finder)
                .find(learned(written, firstTrained)).stream()
                        .map(row -> mask(row, turns, conversation))
                        .toList();
    }

    private List<Integer> learned(Conversation conversation, int firstTrained) {
        List<Integer> answers = conversation.answers().stream()
                .filter(answer -> answer >= firstTrained)
                .toList();
        List<Integer> inScope = switch (which) {
            case ALL -> answers;
            case LAST -> answers.subList(Math.max(0, answers.size() - 1), answers.size());
        };
        List<Integer> weighted = inScope.stream()
                .filter(answer -> hasWeight(conversation.messages().get(answer)))
                .toList();
        weighted.forEach(answer -> requireText(conversation.messages().get(answer)));
        return weighted;
    }

    /// Refuses an answer that is not there; an empty text is an answer.
    private static void requireText(JsonObject message) {
        boolean hasContent = message.get("content").orElse(JsonValue.absent()) instanceof JsonString;
        if (!hasContent && UnrenderedText.isEmpty(message)) {
            throw new LocatedException(
                    message.location().source(),
                    "%s: the assistant's message has neither content nor tool_calls"
                            .formatted(message.location().position()),
                    "write the answer, give the message \"weight\": 0 so that it is not trained on, or remove the row");
        }
    }

    private static boolean hasWeight(JsonObject message) {
        JsonValue weight = message.get("weight").orElse(JsonValue.of(1));
        if (weight instanceof JsonNumber number && (number.asDouble() == 0 || number.asDouble() == 1)) {
            return number.asDouble() == 1;
        }
        throw weight.mistyped("0 or 1");
    }

    private Masked mask(AnswerRegions regions, RenderedTurns turns, Conversation conversation) {
        TokenizedText tokens = turns.encode(regions.text());
        List<Span> parts = regions.trained();
        List<TokenRange> ranges = TokenRange.of(tokens, parts);
        boolean endTokenFollows = regions.boundary() == Boundary.MARKED && sameTokenFollows(ranges, tokens, parts);
        boolean[] assistant = new boolean[tokens.size()];
        List<Integer> ends = new ArrayList<>();
        Set<Integer> lastParts = lastParts(regions);
        for (int part = 0; part < ranges.size(); part++) {
            TokenRange range = ranges.get(part);
            int last = lastVisible(tokens, regions.text(), range);
            boolean endsTurn = last >= range.start() && tokenizer.isAdded(tokens.id(last));
            int end = range.end();
            if (endsTurn && regions.boundary() == Boundary.RENDERED) {
                end = last + 1;
            } else if (!endsTurn && endTokenFollows) {
                end++;
            }
            boolean closed = endsTurn || endTokenFollows;
            if (lastParts.contains(part)) {
                ends.add(closed ? tokens.id(endsTurn ? last : range.end()) : NO_END);
            }
            Arrays.fill(assistant, range.start(), end, true);
        }
        List<UnrenderedText> unwritten = regions.answers().stream()
                .flatMap(answer -> UnrenderedText.of(
                        conversation.messages().get(answer.message()),
                        regions.text()
                                .substring(
                                        answer.whole().start(), answer.whole().end()))
                        .stream())
                .toList();
        return new Masked(tokens, assistant, ends, unwritten);
    }

    /// The trained parts that end an answer.
    private static Set<Integer> lastParts(AnswerRegions regions) {
        Set<Integer> last = new HashSet<>();
        int parts = 0;
        for (AnswerRegions.Answer answer : regions.answers()) {
            parts += answer.trained().size();
            if (!answer.trained().isEmpty()) {
                last.add(parts - 1);
            }
        }
        return last;
    }

    /// The last token of the range that is not white space; before its start if there is none.
    private static int lastVisible(TokenizedText tokens, String text, TokenRange range) {
        int last = range.end() - 1;
        while (last >= range.start() && isBlank(tokens.span(last), text)) {
            last--;
        }
        return last;
    }

    private static boolean isBlank(Span span, String text) {
        return span.length() > 0 && text.substring(span.start(), span.end()).isBlank();
    }

    /// True if the same added token directly follows every block: the token that ends a turn.
    private boolean sameTokenFollows(List<TokenRange> ranges, TokenizedText tokens, List<Span> blocks) {
        Set<Integer> following = new HashSet<>();
        for (int i = 0; i < ranges.size(); i++) {
            int next = ranges.get(i).end();
            boolean adjacent = next < tokens.size()
                    && tokens.span(next).start() == blocks.get(i).end();
            if (!adjacent || !tokenizer.isAdded(tokens.id(next))) {
                return false;
            }
            following.add(tokens.id(next));
        }
        return following.size() == 1;
    }
}
