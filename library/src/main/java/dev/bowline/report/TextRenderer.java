package dev.bowline.report;

/// Renders a record as text for people.
///
/// @param <R> the record
@FunctionalInterface
public interface TextRenderer<R> {

    /// @return lines, each ended by a newline
    String text(R report);
}
