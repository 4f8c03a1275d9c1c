package dev.bowline.cli;

import dev.bowline.recipe.Recipe;
import java.time.Duration;
import java.util.Optional;

/// Estimates the time to the end of a run: the steps, validations and saves to come, each as long as the earlier ones
/// were on average. The first validation and the first save count once they were measured.
final class TimeLeft {

    /// When something is due.
    ///
    /// @param every steps from one to the next; the last step always is one
    private record Schedule(boolean enabled, Optional<Integer> every) {

        /// The number that is due from the end of `step` on, the one of that step included.
        long dueFrom(long step, long last) {
            if (!enabled) {
                return 0;
            }
            if (every.isEmpty()) {
                return 1;
            }
            long multiples = last / every.get() - (step - 1) / every.get();
            return multiples + (last % every.get() == 0 ? 0 : 1);
        }
    }

    private static final class Mean {
        private double seconds;
        private long count;

        void add(double measured) {
            seconds += measured;
            count++;
        }

        double of(long times) {
            return count == 0 ? 0 : seconds / count * times;
        }
    }

    private final Schedule validations;
    private final Schedule saves;
    private final Mean step = new Mean();
    private final Mean validation = new Mean();
    private final Mean save = new Mean();

    TimeLeft(Recipe recipe) {
        validations = new Schedule(
                recipe.validationDataset().isPresent(), recipe.stepScheduler().valEverySteps());
        saves = new Schedule(
                recipe.checkpoint().enabled(), recipe.stepScheduler().ckptEverySteps());
    }

    void stepTook(double seconds) {
        step.add(seconds);
    }

    void validationTook(double seconds) {
        validation.add(seconds);
    }

    void saveTook(double seconds) {
        save.add(seconds);
    }

    /// @param taken the step that has just ended
    Duration after(long taken, long last) {
        double seconds = step.of(last - taken)
                + validation.of(validations.dueFrom(taken, last))
                + save.of(saves.dueFrom(taken, last));
        return Duration.ofMillis(Math.round(seconds * 1000));
    }
}
