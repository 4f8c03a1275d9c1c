package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.bowline.recipe.RecipeFile;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The time left is that of every step, validation and save to come, the one of the step just taken included.
class TimeLeftTest {

    /// A step takes 1 s, a validation 10 s, a save 100 s.
    @ParameterizedTest
    @CsvSource({
        "1, 9, 3, 3, 338",
        "3, 9, 3, 3, 336",
        "4, 9, 3, 3, 225",
        "9, 9, 3, 3, 110",
        "4, 10, 3, 100, 316",
        "8, 10, null, null, 112",
        "10, 10, 3, null, 110"
    })
    void countsWhatIsDue(long step, long last, String saves, String validations, long seconds) {
        TimeLeft left = new TimeLeft(RecipeFile.load(
                        Path.of("..", "examples", "demo.yaml"),
                        List.of(
                                "step_scheduler.ckpt_every_steps=" + saves,
                                "step_scheduler.val_every_steps=" + validations))
                .recipe());
        left.stepTook(0.5);
        left.stepTook(1.5);
        left.validationTook(10);
        left.saveTook(100);

        assertEquals(Duration.ofSeconds(seconds), left.after(step, last));
    }
}
