package dev.bowline.data;

import dev.bowline.BowlineException;
import dev.bowline.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Tokens that are inserted into every example after tokenisation. They are read and never trained on.
///
/// @param after the tokens that the inserted tokens follow, at each place; empty for the beginning of an example
///     that does not already begin with the inserted tokens
/// @param tokens the inserted tokens, at least one
public record InsertedTokens(List<Integer> after, List<Integer> tokens) {

    private static final String GEMMA4_ANSWER = "<|turn>model\n";
    private static final String GEMMA4_EMPTY_THOUGHT = "<|channel>thought\n<channel|>";
    private static final List<String> GEMMA4_MARKS = List.of("<|turn>", "<|channel>", "<channel|>");

    public InsertedTokens {
        after = List.copyOf(after);
        tokens = List.copyOf(tokens);
        if (tokens.isEmpty()) {
            throw new IllegalArgumentException("nothing to insert");
        }
    }

    /// The tokenizer's `bos_token`, before the first token.
    ///
    /// @throws BowlineException if the tokenizer has none
    public static InsertedTokens bos(Tokenizer tokenizer) {
        int bos = tokenizer
                .specialTokenId("bos_token")
                .orElseThrow(() -> new BowlineException(
                        "the tokenizer of %s has no bos_token, which dataset.add_bos_token puts before every example"
                                .formatted(tokenizer.directory()),
                        "remove add_bos_token, or name a bos_token in its tokenizer_config.json"));
        return new InsertedTokens(List.of(), List.of(bos));
    }

    /// The empty thought of Gemma 4, before every answer.
    ///
    /// @throws BowlineException if the tokenizer is not a tokenizer of Gemma 4
    public static InsertedTokens emptyThought(Tokenizer tokenizer) {
        for (String mark : GEMMA4_MARKS) {
            if (tokenizer.encode(mark).length != 1) {
                throw new BowlineException(
                        "the tokenizer of %s has no token '%s', which dataset.inject_thinking_prefix needs"
                                .formatted(tokenizer.directory(), mark),
                        "remove inject_thinking_prefix; it is for Gemma 4");
            }
        }
        return new InsertedTokens(list(tokenizer.encode(GEMMA4_ANSWER)), list(tokenizer.encode(GEMMA4_EMPTY_THOUGHT)));
    }

    private static List<Integer> list(int[] ids) {
        return Arrays.stream(ids).boxed().toList();
    }

    /// The example with the inserted tokens.
    Example into(Example example) {
        List<Integer> places = places(example.ids());
        int[] ids = new int[example.length() + places.size() * tokens.size()];
        boolean[] targets = new boolean[ids.length];
        int written = 0;
        int next = 0;
        for (int i = 0; i <= example.length(); i++) {
            if (next < places.size() && places.get(next) == i) {
                next++;
                for (int token : tokens) {
                    ids[written++] = token;
                }
            }
            if (i < example.length()) {
                ids[written] = example.ids()[i];
                targets[written++] = example.targets()[i];
            }
        }
        return new Example(ids, targets, example.origin());
    }

    /// The positions in `ids` where the tokens are inserted, first to last.
    private List<Integer> places(int[] ids) {
        if (after.isEmpty()) {
            return isAt(tokens, ids, 0) ? List.of() : List.of(0);
        }
        List<Integer> places = new ArrayList<>();
        int at = 0;
        while (at < ids.length) {
            boolean isHere = isAt(after, ids, at);
            at += isHere ? after.size() : 1;
            if (isHere) {
                places.add(at);
            }
        }
        return places;
    }

    private static boolean isAt(List<Integer> sought, int[] ids, int at) {
        for (int i = 0; i < sought.size(); i++) {
            if (at + i >= ids.length || ids[at + i] != sought.get(i)) {
                return false;
            }
        }
        return true;
    }
}
