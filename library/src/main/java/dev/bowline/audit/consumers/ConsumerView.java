package dev.bowline.audit.consumers;

/// The checkpoint as one consumer loads it.
///
/// @param isOne whether head and embedding are one parameter
/// @param head which tensor's values its head has
/// @param embedding which tensor's values its input embedding has
/// @param loses whether a trained value that is in the file takes no part in the loaded model
/// @param why the flag, default or rule that decided
/// @param headIsUnused whether the checkpoint is of an embedding model, which never asks its head
public record ConsumerView(
        Consumer consumer,
        Outcome outcome,
        boolean isOne,
        Source head,
        Source embedding,
        boolean loses,
        String why,
        boolean headIsUnused) {

    ConsumerView(
            Consumer consumer,
            Outcome outcome,
            boolean isOne,
            Source head,
            Source embedding,
            boolean loses,
            String why) {
        this(consumer, outcome, isOne, head, embedding, loses, why, false);
    }

    /// The outcome in a few words.
    public String summary() {
        return switch (outcome) {
            case TIED -> loses ? "tied, the head is lost" : "tied";
            case RANDOM ->
                switch (head) {
                    case RANDOM -> embedding == Source.RANDOM ? "random head and embedding" : "random head";
                    case HEAD, EMBEDDING, BOTH, NONE -> "random embedding";
                };
            case UNTIED, FAILS, UNSUPPORTED -> outcome.toString();
        };
    }

    /// True if it loads without an error and is not the model that was saved.
    public boolean isSilentlyWrong() {
        boolean onlyHead = head == Source.RANDOM && embedding != Source.RANDOM;
        return loses || outcome == Outcome.RANDOM && !(headIsUnused && onlyHead);
    }

    /// The same of an embedding model.
    ConsumerView withUnusedHead() {
        return new ConsumerView(consumer, outcome, isOne, head, embedding, loses, why, true);
    }

    static ConsumerView fails(Consumer consumer, String why) {
        return new ConsumerView(consumer, Outcome.FAILS, false, Source.NONE, Source.NONE, false, why);
    }

    static ConsumerView unsupported(Consumer consumer, String why) {
        return new ConsumerView(consumer, Outcome.UNSUPPORTED, false, Source.NONE, Source.NONE, false, why);
    }
}
