package dev.bowline.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

/// A command can be copied into a shell, and says all that was said before.
class RunCommandTest {

    @Test
    void whatWasGivenStaysAndWhatIsGivenAnewTakesItsPlace() {
        RunCommand command = new RunCommand("/r.yaml", List.of("seed=7", "checkpoint.restore_from=LATEST"));

        assertEquals(
                "bowline finetune /r.yaml --set seed=7 --set checkpoint.restore_from=/run/step_2",
                command.with(List.of("checkpoint.restore_from=/run/step_2")));
    }

    @Test
    void wordsThatAShellWouldCutAreQuoted() {
        RunCommand command = new RunCommand("/my recipes/r.yaml", List.of("optimizer={lr: 1e-3}", "a.b=it's"));

        assertEquals(
                "bowline finetune '/my recipes/r.yaml' --set 'optimizer={lr: 1e-3}' --set 'a.b=it'\\''s'",
                command.with(List.of()));
    }
}
