package dev.bowline.recipe;

import dev.bowline.json.JsonObject;
import java.time.LocalDate;
import java.util.Optional;

/// How the conversations of a dataset become text.
///
/// @param template empty for the checkpoint's `default`, or its `tool_use` for a conversation with tools
/// @param kwargs variables of the template's own, such as `enable_thinking`
/// @param date the day that the template's `strftime_now` tells; empty for the day the run begins
/// @param injectThinkingPrefix whether Gemma 4's empty thought goes before every answer
/// @param addBosToken whether an example that does not begin with the `bos_token` gets one
public record ChatTemplateSection(
        Optional<ChatTemplateChoice> template,
        JsonObject kwargs,
        Optional<LocalDate> date,
        boolean injectThinkingPrefix,
        boolean addBosToken) {

    /// What holds where a recipe says nothing.
    public static final ChatTemplateSection USUAL =
            new ChatTemplateSection(Optional.empty(), JsonObject.of(), Optional.empty(), false, false);
}
