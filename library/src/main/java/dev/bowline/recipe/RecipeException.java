package dev.bowline.recipe;

import dev.bowline.BowlineException;
import java.util.List;

/// A recipe that cannot be used, with everything that is wrong with it.
public final class RecipeException extends BowlineException {

    private static final int MOST_SHOWN = 100;

    private final transient List<RecipeProblem> problems;

    /// @param problems at least one, in the order they are shown
    RecipeException(List<RecipeProblem> problems) {
        super(allButTheLastFix(shown(problems)), shown(problems).getLast().fix() + left(problems));
        this.problems = List.copyOf(problems);
    }

    /// In the order of the file, then of the flags.
    public List<RecipeProblem> problems() {
        return problems;
    }

    private static List<RecipeProblem> shown(List<RecipeProblem> problems) {
        return problems.subList(0, Math.min(MOST_SHOWN, problems.size()));
    }

    private static String left(List<RecipeProblem> problems) {
        int left = problems.size() - shown(problems).size();
        return left == 0 ? "" : "\nand %d more".formatted(left);
    }

    /// Every problem with its fix; the last fix is the one that [BowlineException] appends.
    private static String allButTheLastFix(List<RecipeProblem> problems) {
        StringBuilder text = new StringBuilder();
        for (RecipeProblem problem : problems.subList(0, problems.size() - 1)) {
            text.append(problem.headline())
                    .append("\n  fix: ")
                    .append(problem.fix())
                    .append('\n');
        }
        return text.append(problems.getLast().headline()).toString();
    }
}
