package dev.bowline.recipe;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import java.util.List;

/// A recipe with errors, and all of its problems.
public final class RecipeException extends BowlineException {

    private static final int MOST_SHOWN = 100;

    /// One problem of a recipe.
    ///
    /// @param at the position to change
    /// @param problem the key, what was expected and what was found
    /// @param fix the remedy, in the imperative
    public record Problem(Origin at, String problem, Fix fix) {

        Problem(Origin at, String problem, String fix) {
            this(at, problem, Fix.of(fix));
        }

        /// The position and the problem on one line, as compilers write it.
        public String headline() {
            return at + ": " + problem;
        }
    }

    private final transient List<Problem> problems;

    /// @param problems at least one, in the order they are shown
    RecipeException(List<Problem> problems) {
        super(allButTheLastFix(shown(problems)), shown(problems).getLast().fix().and(left(problems)));
        this.problems = List.copyOf(problems);
    }

    /// In the order of the file, then of the flags.
    public List<Problem> problems() {
        return problems;
    }

    /// The problems that a message has room for.
    public List<Problem> shown() {
        return shown(problems);
    }

    private static List<Problem> shown(List<Problem> problems) {
        return problems.subList(0, Math.min(MOST_SHOWN, problems.size()));
    }

    private static String left(List<Problem> problems) {
        int left = problems.size() - shown(problems).size();
        return left == 0 ? "" : "\nand %d more".formatted(left);
    }

    /// Every problem with its fix; the last fix is the one that [BowlineException] appends.
    private static String allButTheLastFix(List<Problem> problems) {
        StringBuilder text = new StringBuilder();
        for (Problem problem : problems.subList(0, problems.size() - 1)) {
            text.append(problem.headline())
                    .append("\n  fix: ")
                    .append(problem.fix())
                    .append('\n');
        }
        return text.append(problems.getLast().headline()).toString();
    }
}
