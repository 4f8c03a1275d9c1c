package dev.bowline.report;

import dev.bowline.json.JsonValue;

/// Renders a record as JSON for programs; docs/json.md lists the keys.
///
/// @param <R> the record
@FunctionalInterface
public interface JsonRenderer<R> {

    JsonValue json(R report);
}
