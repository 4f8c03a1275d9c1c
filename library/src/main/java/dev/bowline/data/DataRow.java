package dev.bowline.data;

import dev.bowline.json.JsonValue;

/// One row of a dataset file.
///
/// @param value an object, where the row is a sound one
/// @param origin where it was read, for messages: `file:line`, or `file, row 7` where a file has no lines
public record DataRow(JsonValue value, String origin) {}
