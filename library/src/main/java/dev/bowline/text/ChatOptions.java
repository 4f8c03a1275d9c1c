package dev.bowline.text;

import dev.bowline.json.JsonObject;
import java.time.Clock;

/// How a conversation is put into words.
///
/// @param ending whether the text stops after the last turn or opens the assistant's next one
/// @param variables what else the template may ask for, such as `enable_thinking`
/// @param clock the date for templates that print one; fix it where the same text is wanted every day
public record ChatOptions(Ending ending, JsonObject variables, Clock clock) {

    public enum Ending {
        AFTER_LAST_TURN,
        BEFORE_ANSWER
    }

    /// The conversation as it is, today.
    public static ChatOptions complete() {
        return new ChatOptions(Ending.AFTER_LAST_TURN, JsonObject.of(), Clock.systemDefaultZone());
    }

    /// The conversation and the beginning of the answer to it, today.
    public static ChatOptions prompting() {
        return complete().ending(Ending.BEFORE_ANSWER);
    }

    public ChatOptions ending(Ending changed) {
        return new ChatOptions(changed, variables, clock);
    }

    public ChatOptions with(JsonObject changed) {
        return new ChatOptions(ending, changed, clock);
    }

    public ChatOptions at(Clock changed) {
        return new ChatOptions(ending, variables, changed);
    }
}
