package dev.bowline.report;

import java.util.Locale;

/// A figure of a run over its steps, with the name that the metrics logs have for it.
enum RunFigure {
    LOSS("Loss"),
    VAL_LOSS("Validation loss"),
    LR("Learning rate"),
    GRAD_NORM("Gradient norm"),
    TPS("Tokens per second");

    private final String title;

    RunFigure(String title) {
        this.title = title;
    }

    String title() {
        return title;
    }

    /// The name in the logs.
    String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
