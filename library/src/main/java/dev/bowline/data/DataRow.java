package dev.bowline.data;

import dev.bowline.json.JsonValue;

/// A row as it was read.
///
/// @param value an object, where the row is a sound one
/// @param origin where it was read, for messages: `file:line`, or `file, row 7` where a file has no lines
public record DataRow(JsonValue value, String origin) {}
