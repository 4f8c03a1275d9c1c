package dev.bowline.text;

import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.text.AnswerRegions.Boundary;
import dev.bowline.text.jinja.Rendering;
import dev.bowline.text.jinja.Rendering.GenerationTracking;
import dev.bowline.text.jinja.Span;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Which tokens of a rendered conversation the assistant wrote.
///
/// Where the template has `{% generation %}` blocks, the tokens that touch one are the assistant's. Elsewhere an answer
/// is found by rendering the turns before it, and everything from there to the next turn belongs to it.
///
/// The end-of-turn token belongs to the answer, or the model would never learn to stop. It is the added token (one of
/// tokenizer.json's `added_tokens`) that the template prints right after the answer's text: inside the block or region,
/// or directly behind every block of the conversation. White space after it is not part of the answer.
///
/// Some templates open an answer with more than they print in front of an answer that is already there, such as an
/// empty thought. Since a model will be asked with it, it is put in front of every trained answer, as text only read.
///
/// An assistant message with `"weight": 0` is only read, as in OpenAI's fine-tuning files.
public final class AssistantMask {

    /// Which of the assistant's messages are trained on.
    public enum Answers {
        ALL,
        LAST
    }

    /// @param tokens the whole conversation
    /// @param assistant whether token i is the assistant's
    /// @param ends for every answer the id of its end-of-turn token, or [#NO_END]
    public record Masked(TokenizedText tokens, boolean[] assistant, List<Integer> ends) {}

    /// Stands for the end-of-turn token of an answer that has none, from which a model learns to go on for ever.
    public static final int NO_END = -1;

    private final ChatTemplate template;
    private final Tokenizer tokenizer;
    private final Answers which;

    private AssistantMask(ChatTemplate template, Tokenizer tokenizer, Answers which) {
        this.template = template;
        this.tokenizer = tokenizer;
        this.which = which;
    }

    /// Throws a [BowlineException] when the template refuses the conversation, or its answers cannot be told apart.
    public static Masked of(Conversation conversation, ChatTemplate template, Tokenizer tokenizer, Answers answers) {
        return new AssistantMask(template, tokenizer, answers).mask(conversation);
    }

    private Masked mask(Conversation conversation) {
        List<Integer> learned = learned(conversation);
        Rendering whole = template.render(conversation, ChatTemplate.End.LAST_MESSAGE);
        AnswerRegions regions = marked(whole, conversation, learned)
                .orElseGet(() -> new PrefixRegions(tokenizer, template).find(conversation, whole.text(), learned));
        return mask(regions);
    }

    private List<Integer> learned(Conversation conversation) {
        List<Integer> answers = conversation.answers();
        List<Integer> inScope = switch (which) {
            case ALL -> answers;
            case LAST -> answers.subList(Math.max(0, answers.size() - 1), answers.size());
        };
        return inScope.stream()
                .filter(answer -> hasWeight(conversation.messages().get(answer)))
                .toList();
    }

    private static boolean hasWeight(JsonObject message) {
        JsonValue weight = message.get("weight").orElse(JsonValue.of(1));
        if (weight instanceof JsonNumber number && (number.asDouble() == 0 || number.asDouble() == 1)) {
            return number.asDouble() == 1;
        }
        throw weight.mistyped("0 or 1");
    }

    /// The template's own blocks, if it has some and they can be matched with the answers to learn.
    private static Optional<AnswerRegions> marked(Rendering whole, Conversation conversation, List<Integer> learned) {
        List<Span> blocks = whole.generations();
        List<Integer> answers = conversation.answers();
        boolean all = learned.equals(answers);
        boolean usable = !blocks.isEmpty()
                && whole.generationTracking() == GenerationTracking.COMPLETE
                && (all || blocks.size() == answers.size());
        if (!usable) {
            return Optional.empty();
        }
        List<Span> chosen = all
                ? blocks
                : learned.stream().map(answers::indexOf).map(blocks::get).toList();
        return Optional.of(new AnswerRegions(whole.text(), chosen, Boundary.MARKED, 0));
    }

    private Masked mask(AnswerRegions regions) {
        TokenizedText tokens = tokenizer.encodeWithSpans(regions.text());
        List<TokenRange> ranges = TokenRange.of(tokens, regions.answers());
        boolean endTokenFollows =
                regions.boundary() == Boundary.MARKED && sameTokenFollows(ranges, tokens, regions.answers());
        boolean[] assistant = new boolean[tokens.size()];
        List<Integer> ends = new ArrayList<>();
        for (TokenRange range : ranges) {
            int last = lastVisible(tokens, regions.text(), range);
            boolean endsTurn = last >= range.start() && tokenizer.isAdded(tokens.id(last));
            int end = range.end();
            if (endsTurn && regions.boundary() == Boundary.RENDERED) {
                end = last + 1;
            } else if (!endsTurn && endTokenFollows) {
                end++;
            }
            boolean closed = endsTurn || endTokenFollows;
            ends.add(closed ? tokens.id(endsTurn ? last : range.end()) : NO_END);
            Arrays.fill(assistant, range.start(), end, true);
        }
        return new Masked(tokens, assistant, ends);
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

    /// Whether one and the same added token stands directly behind every block: the token that ends a turn.
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
