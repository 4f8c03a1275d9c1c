package dev.bowline.audit.findings;

/// The severity of a finding.
public enum Severity {
    /// Worth knowing.
    LOW(1),
    /// Waste, or fragile.
    MEDIUM(1),
    /// Some consumer fails to load it, or the next operation loses a value.
    HIGH(2),
    /// Some mainstream consumer silently runs a wrong model.
    CRITICAL(3);

    private final int exitCode;

    Severity(int exitCode) {
        this.exitCode = exitCode;
    }

    /// The exit code of the command line when this is the worst severity found.
    public int exitCode() {
        return exitCode;
    }

    public boolean isAtLeast(Severity other) {
        return compareTo(other) >= 0;
    }
}
