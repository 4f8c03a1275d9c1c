package dev.bowline.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.bowline.Remedy;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/// A run to repeat keeps every override that is not replaced.
class RunCommandTest {

    @Test
    void aNewAssignmentReplacesTheEarlierOneOfItsKey() {
        Path recipe = Path.of("/r.yaml");
        RunCommand command = new RunCommand(recipe, List.of("seed=7", "checkpoint.restore_from=LATEST"));

        assertEquals(
                new Remedy.FineTune(recipe, List.of("seed=7", "checkpoint.restore_from=/run/step_2")),
                command.with(List.of("checkpoint.restore_from=/run/step_2")));
    }
}
