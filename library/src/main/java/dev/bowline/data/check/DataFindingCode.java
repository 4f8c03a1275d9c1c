package dev.bowline.data.check;

/// The kinds of findings in a dataset. Scripts may rely on the ids.
public enum DataFindingCode {
    /// A run ends at this row.
    UNREADABLE("D01", "row that a run refuses", DataSeverity.HIGH),
    NO_TARGET("D02", "row without a trained token", DataSeverity.HIGH),
    /// The model does not learn to stop.
    NO_END("D03", "answer without an end-of-turn token", DataSeverity.HIGH),
    /// The end-of-turn tokens of the data are none at which generation stops.
    OTHER_END("D04", "end of turn that does not stop generation", DataSeverity.HIGH),
    TRUNCATED("D05", "truncated answer", DataSeverity.HIGH),
    TOO_LONG("D06", "example that is left out", DataSeverity.MEDIUM),
    CUT("D07", "example that lost tokens before its answers", DataSeverity.LOW),
    UNWRITTEN("D08", "text that the chat template does not write", DataSeverity.HIGH),
    /// The validation loss then measures memory.
    LEAK("D09", "training example in the validation data", DataSeverity.HIGH),
    DUPLICATE("D10", "duplicate example", DataSeverity.MEDIUM),
    EMPTY_ANSWER("D11", "empty answer", DataSeverity.MEDIUM),
    /// A run ends at this row.
    NO_ROW("D12", "token without a row in the embedding", DataSeverity.HIGH),
    DEAD_ROW("D13", "token whose row of the embedding is zero or not finite", DataSeverity.MEDIUM),
    UNREAD_FIELD("D14", "field that is not read", DataSeverity.LOW);

    private final String id;
    private final String title;
    private final DataSeverity severity;

    DataFindingCode(String id, String title, DataSeverity severity) {
        this.id = id;
        this.title = title;
        this.severity = severity;
    }

    /// `D01`.
    public String id() {
        return id;
    }

    public String title() {
        return title;
    }

    public DataSeverity severity() {
        return severity;
    }
}
