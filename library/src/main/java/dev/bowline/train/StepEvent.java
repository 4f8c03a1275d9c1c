package dev.bowline.train;

import java.util.function.Supplier;
import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/// One optimizer step as an event of Java Flight Recorder.
@Name("dev.bowline.Step")
@Label("Step")
@Category("Bowline")
@Description("An optimizer step was taken")
@StackTrace(false)
final class StepEvent extends Event {

    @Label("Step")
    long step;

    @Label("Epoch")
    int epoch;

    @Label("Loss")
    @Description("Mean cross-entropy over the target tokens, in nats")
    double loss;

    @Label("Gradient norm")
    @Description("Before clipping")
    double gradNorm;

    @Label("Learning rate")
    double learningRate;

    @Label("Tokens")
    @Description("Without padding")
    long tokens;

    @Label("Target tokens")
    long targetTokens;

    /// Runs a step and commits an event for it. A step that fails commits no event.
    static StepResult around(Supplier<StepResult> step) {
        StepEvent event = new StepEvent();
        event.begin();
        StepResult result = step.get();
        event.end();
        if (event.shouldCommit()) {
            event.step = result.step();
            event.epoch = result.epoch();
            event.loss = result.loss();
            event.gradNorm = result.gradNorm();
            event.learningRate = result.learningRate();
            event.tokens = result.tokens();
            event.targetTokens = result.targetTokens();
            event.commit();
        }
        return result;
    }
}
