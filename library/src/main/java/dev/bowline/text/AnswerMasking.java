package dev.bowline.text;

import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonValue;
import dev.bowline.text.AnswerRegions.Boundary;
import dev.bowline.text.ChatOptions.Ending;
import dev.bowline.text.MaskedConversation.EndOfTurn;
import dev.bowline.text.jinja.Rendering;
import dev.bowline.text.jinja.Rendering.GenerationTracking;
import dev.bowline.text.jinja.Span;
import java.util.List;
import java.util.Optional;

/// Turns conversations into token ids and says which of them are the assistant's.
///
/// Where the template has `{% generation %}` blocks, the tokens that touch one are. Elsewhere an answer is found by
/// rendering the turns before it, and everything from there to the next turn belongs to it.
///
/// The end-of-turn token is part of the answer. It is the added token (one of tokenizer.json's `added_tokens`) that the
/// template prints right after the answer's text: inside the block or region, or directly behind every block of the
/// conversation. White space after it is not part of the answer.
///
/// Some templates open an answer with more than they print in front of an answer that is already there, such as an
/// empty thought. Since a model will be asked with it, it is put in front of every answer that is learned, as text that
/// is only read.
public final class AnswerMasking {

    private final Tokenizer tokenizer;
    private final ChatTemplate template;
    private final ChatOptions options;
    private final AnswerScope scope;

    /// @param options its ending is not looked at
    public AnswerMasking(Tokenizer tokenizer, ChatTemplate template, ChatOptions options, AnswerScope scope) {
        this.tokenizer = tokenizer;
        this.template = template;
        this.options = options;
        this.scope = scope;
    }

    /// One example of the conversation; for [AnswerScope#EACH_ANSWER_ALONE] the conversation must be one of those that
    /// [AnswerScope#examples] gives.
    ///
    /// Throws a [BowlineException] when the template refuses the conversation, or its answers cannot be told apart.
    public MaskedConversation mask(Conversation conversation) {
        List<Integer> learned = learned(conversation);
        Rendering whole = template.render(conversation, options.ending(Ending.AFTER_LAST_TURN));
        AnswerRegions regions = marked(whole, conversation, learned)
                .orElseGet(() ->
                        new PrefixRegions(tokenizer, template, options).find(conversation, whole.text(), learned));
        return mask(regions);
    }

    private List<Integer> learned(Conversation conversation) {
        List<Integer> answers = conversation.answers();
        List<Integer> inScope = switch (scope) {
            case EVERY_ANSWER -> answers;
            case LAST_ANSWER, EACH_ANSWER_ALONE -> answers.subList(Math.max(0, answers.size() - 1), answers.size());
        };
        return inScope.stream()
                .filter(answer -> hasWeight(conversation.messages().get(answer)))
                .toList();
    }

    private static boolean hasWeight(Message message) {
        JsonValue weight = message.fields().get("weight").orElse(JsonValue.of(1));
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

    private MaskedConversation mask(AnswerRegions regions) {
        TokenizedText tokens = tokenizer.encode(regions.text());
        List<TokenRange> ranges = TokenRange.of(tokens, regions.answers());
        EndOfTurn endOfTurn = EndOfTurn.TRAINED;
        Optional<Integer> behind = behindEvery(ranges, tokens, regions.answers());
        boolean[] answer = new boolean[tokens.size()];
        for (TokenRange range : ranges) {
            int last = lastVisible(tokens, regions.text(), range);
            boolean endsTurn = last >= range.start() && tokenizer.isAdded(tokens.id(last));
            int end = range.end();
            if (endsTurn) {
                end = regions.boundary() == Boundary.RENDERED ? last + 1 : end;
            } else if (regions.boundary() == Boundary.MARKED && behind.isPresent()) {
                end++;
            } else {
                endOfTurn = EndOfTurn.MISSING;
            }
            for (int token = range.start(); token < end; token++) {
                answer[token] = true;
            }
        }
        return new MaskedConversation(tokens.ids(), answer, endOfTurn, regions.insertedPrompts());
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

    /// The added token that stands directly behind each block, if it is the same one everywhere.
    private Optional<Integer> behindEvery(List<TokenRange> ranges, TokenizedText tokens, List<Span> blocks) {
        Optional<Integer> found = Optional.empty();
        for (int i = 0; i < ranges.size(); i++) {
            int next = ranges.get(i).end();
            boolean adjacent = next < tokens.size()
                    && tokens.span(next).start() == blocks.get(i).end();
            if (!adjacent
                    || !tokenizer.isAdded(tokens.id(next))
                    || !found.orElse(tokens.id(next)).equals(tokens.id(next))) {
                return Optional.empty();
            }
            found = Optional.of(tokens.id(next));
        }
        return found;
    }
}
