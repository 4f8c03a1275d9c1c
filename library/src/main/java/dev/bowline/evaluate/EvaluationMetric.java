package dev.bowline.evaluate;

/// A score of generated answers, 0 to 1 for each answer. [#PERPLEXITY] is a score of the expected answers instead.
public enum EvaluationMetric {
    /// The answer is the expected one, apart from white space at both ends.
    EXACT_MATCH("exact_match", Better.HIGHER),
    /// The expected answer, without white space at its ends, occurs in the answer.
    CONTAINS("contains", Better.HIGHER),
    /// A pattern of the recipe occurs in the answer.
    REGEX("regex", Better.HIGHER),
    /// The answer is one JSON value.
    JSON_VALID("json_valid", Better.HIGHER),
    /// The share of the fields of the expected JSON object that the answer has with the same value.
    JSON_FIELDS("json_fields", Better.HIGHER),
    /// The tool calls of the answer are the expected ones: names, arguments and order.
    TOOL_CALL("tool_call", Better.HIGHER),
    /// The answer ended with a token at which generation stops, not at the length limit.
    STOP_RATE("stop_rate", Better.HIGHER),
    /// The exponential of the mean loss over the tokens of the expected answers.
    PERPLEXITY("perplexity", Better.LOWER);

    /// The direction in which a model improves.
    public enum Better {
        HIGHER,
        LOWER;

        /// True if `value` is better than `other` by more than `margin`.
        public boolean isBetter(double value, double other, double margin) {
            return switch (this) {
                case HIGHER -> value > other + margin;
                case LOWER -> value < other - margin;
            };
        }

        /// A number that is the smaller, the better the value is.
        public double cost(double value) {
            return switch (this) {
                case HIGHER -> -value;
                case LOWER -> value;
            };
        }
    }

    private final String text;
    private final Better better;

    EvaluationMetric(String text, Better better) {
        this.text = text;
        this.better = better;
    }

    /// The name in recipes and results.
    public String text() {
        return text;
    }

    public Better better() {
        return better;
    }

    @Override
    public String toString() {
        return text;
    }
}
