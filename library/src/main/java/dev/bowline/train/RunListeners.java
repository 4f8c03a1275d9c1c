package dev.bowline.train;

import java.nio.file.Path;
import java.util.List;

/// Passes the events of a run to several listeners, in order.
record RunListeners(List<RunListener> listeners) implements RunListener {

    @Override
    public void stepTaken(StepResult step, long lastStep) {
        listeners.forEach(each -> each.stepTaken(step, lastStep));
    }

    @Override
    public void validated(ValidationResult result) {
        listeners.forEach(each -> each.validated(result));
    }

    @Override
    public void evaluated(RunEvaluation result) {
        listeners.forEach(each -> each.evaluated(result));
    }

    @Override
    public void saving(Path directory, long written, long of) {
        listeners.forEach(each -> each.saving(directory, written, of));
    }

    @Override
    public void saved(Path directory) {
        listeners.forEach(each -> each.saved(directory));
    }

    @Override
    public void noted(String sentence) {
        listeners.forEach(each -> each.noted(sentence));
    }
}
