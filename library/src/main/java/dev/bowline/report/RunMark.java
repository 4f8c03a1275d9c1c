package dev.bowline.report;

import java.util.Locale;

/// An event between two steps of a run.
///
/// @param step the step before the event
/// @param text describes the event
record RunMark(long step, Kind kind, String text) {

    enum Kind {
        SAVE,
        VALIDATION,
        RESTART;

        String id() {
            return name().toLowerCase(Locale.ROOT);
        }
    }
}
