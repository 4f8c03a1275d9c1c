package dev.bowline.audit;

/// What one consumer makes of the checkpoint.
///
/// @param isOne whether head and embedding are one parameter
/// @param head which tensor's values its head has
/// @param embedding which tensor's values its input embedding has
/// @param loses whether a trained value that is in the file takes no part in the loaded model
/// @param why the flag, default or rule that decided
public record ConsumerView(
        Consumer consumer, Outcome outcome, boolean isOne, Source head, Source embedding, boolean loses, String why) {

    /// Whether it loads without complaint and is not the model that was saved.
    public boolean isSilentlyWrong() {
        return outcome == Outcome.RANDOM || loses;
    }

    static ConsumerView fails(Consumer consumer, String why) {
        return new ConsumerView(consumer, Outcome.FAILS, false, Source.NONE, Source.NONE, false, why);
    }

    static ConsumerView unsupported(Consumer consumer, String why) {
        return new ConsumerView(consumer, Outcome.UNSUPPORTED, false, Source.NONE, Source.NONE, false, why);
    }
}
