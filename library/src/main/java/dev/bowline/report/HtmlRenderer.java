package dev.bowline.report;

/// Renders a record as one HTML page that loads nothing else.
///
/// @param <R> the record
@FunctionalInterface
public interface HtmlRenderer<R> {

    String html(R report);
}
