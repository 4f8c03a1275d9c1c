package dev.bowline;

/// A failure whose problem begins with its place in a file, so that nobody has to add the file's name.
public final class LocatedException extends BowlineException {

    private final String source;

    /// @param source the file, as the problem names it
    public LocatedException(String source, String problem, String fix) {
        super(problem, fix);
        this.source = source;
    }

    /// The same, keeping the failure underneath for a debugger.
    public LocatedException(String source, String problem, Fix fix, Throwable cause) {
        super(problem, fix, cause);
        this.source = source;
    }

    private boolean isIn(String file) {
        return source.equals(file);
    }

    /// Returns `failure` if it names `source`, otherwise the same failure with `place` in front.
    public static BowlineException within(String source, String place, BowlineException failure) {
        return failure instanceof LocatedException located && located.isIn(source)
                ? failure
                : new BowlineException("%s: %s".formatted(place, failure.problem()), failure.howToFix(), failure);
    }
}
