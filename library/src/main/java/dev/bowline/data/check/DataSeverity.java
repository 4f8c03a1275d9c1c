package dev.bowline.data.check;

/// The severity of a finding in a dataset.
public enum DataSeverity {
    /// Worth knowing.
    LOW(1),
    /// Waste, or a smaller effect of the training.
    MEDIUM(1),
    /// A run refuses the data, or the model learns something else than the data says.
    HIGH(2);

    private final int exitCode;

    DataSeverity(int exitCode) {
        this.exitCode = exitCode;
    }

    /// The exit code of the command line when this is the worst severity found, as for an audit.
    public int exitCode() {
        return exitCode;
    }

    public boolean isAtLeast(DataSeverity other) {
        return compareTo(other) >= 0;
    }
}
