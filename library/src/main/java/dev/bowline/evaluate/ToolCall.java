package dev.bowline.evaluate;

import dev.bowline.json.JsonObject;
import java.util.Optional;

/// A tool call in the text of an answer.
///
/// @param arguments empty if the text of the arguments is no object
record ToolCall(String name, Optional<JsonObject> arguments) {

    /// True if both name the same tool with the same arguments; the order of arguments does not matter.
    boolean isSame(ToolCall other) {
        return name.equals(other.name)
                && arguments.isPresent()
                && other.arguments.isPresent()
                && SameJson.test(arguments.get(), other.arguments.get());
    }
}
