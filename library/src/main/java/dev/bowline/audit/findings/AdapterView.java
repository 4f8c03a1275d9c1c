package dev.bowline.audit.findings;

/// The effect of an adapter's unchanged files in one program.
///
/// @param why in one clause
public record AdapterView(AdapterReader reader, Outcome outcome, String why) {

    /// True if the program reports no error and does not compute the trained model.
    public boolean isSilentlyWrong() {
        return switch (outcome) {
            case APPLIED, REFUSED -> false;
            case IN_PART, OTHER_STRENGTH, NO_EFFECT -> true;
        };
    }

    /// The result of a load.
    public enum Outcome {
        /// Every trained value is applied.
        APPLIED("applied"),
        /// Some trained values are left out, without an error.
        IN_PART("applied in part"),
        /// The deltas have another factor than in training.
        OTHER_STRENGTH("another strength"),
        /// Nothing changes, without an error.
        NO_EFFECT("no effect"),
        /// The program reports an error.
        REFUSED("refused");

        private final String text;

        Outcome(String text) {
            this.text = text;
        }

        public String text() {
            return text;
        }
    }
}
