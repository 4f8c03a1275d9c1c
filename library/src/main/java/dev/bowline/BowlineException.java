package dev.bowline;

/// A failure the user can act on: what happened, then what to do about it.
public class BowlineException extends RuntimeException {

    private final String problem;
    private final transient Fix fix;

    /// @param problem the thing (file, key, slot, step) and the two values that disagree
    /// @param fix the next action of the user, in the imperative
    public BowlineException(String problem, String fix) {
        this(problem, Fix.of(fix));
    }

    /// @param fix the next action of the user, with operations of Bowline as data
    public BowlineException(String problem, Fix fix) {
        super(problem + "\n  fix: " + fix);
        this.problem = problem;
        this.fix = fix;
    }

    /// The same, keeping the failure underneath for a debugger; its text is never all the user sees.
    public BowlineException(String problem, String fix, Throwable cause) {
        this(problem, Fix.of(fix), cause);
    }

    /// The same, with operations of Bowline in the fix as data.
    public BowlineException(String problem, Fix fix, Throwable cause) {
        super(problem + "\n  fix: " + fix, cause);
        this.problem = problem;
        this.fix = fix;
    }

    public String problem() {
        return problem;
    }

    /// The fix in words alone.
    public String fix() {
        return fix.toString();
    }

    /// The fix with its operations as data.
    public Fix howToFix() {
        return fix;
    }
}
