package dev.bowline.text;

/// A conversation as token ids, and which of them the assistant said.
///
/// Those are what a model learns to say: they include the token that ends the assistant's turn, because a model that
/// never learned it would never stop, and exclude what opens the turn, because the program writes that.
public final class MaskedConversation {

    /// Whether every trained answer ends with a token that says so.
    public enum EndOfTurn {
        TRAINED,
        /// The template prints no added token after some answer. A model trained on it may not learn when to stop.
        MISSING
    }

    private final int[] ids;
    private final boolean[] answer;
    private final EndOfTurn endOfTurn;
    private final int insertedPrompts;

    MaskedConversation(int[] ids, boolean[] answer, EndOfTurn endOfTurn, int insertedPrompts) {
        this.ids = ids;
        this.answer = answer;
        this.endOfTurn = endOfTurn;
        this.insertedPrompts = insertedPrompts;
    }

    public int size() {
        return ids.length;
    }

    public int id(int token) {
        return ids[token];
    }

    public boolean isAnswer(int token) {
        return answer[token];
    }

    /// A copy.
    public int[] ids() {
        return ids.clone();
    }

    /// A copy.
    public boolean[] answers() {
        return answer.clone();
    }

    public int answerTokens() {
        int count = 0;
        for (boolean said : answer) {
            count += said ? 1 : 0;
        }
        return count;
    }

    public EndOfTurn endOfTurn() {
        return endOfTurn;
    }

    /// How many answers had the rest of the generation prompt put in front of them, see [AnswerMasking].
    public int insertedPrompts() {
        return insertedPrompts;
    }
}
