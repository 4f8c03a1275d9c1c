package dev.bowline.data;

import dev.bowline.json.JsonValue;

/// One row of a dataset file.
///
/// @param value the value of the row; a valid row is an object
/// @param origin the place of the row, for messages: `file:line`, or `file, row 7` for a file without lines
public record DataRow(JsonValue value, String origin) {}
