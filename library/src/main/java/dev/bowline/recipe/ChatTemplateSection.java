package dev.bowline.recipe;

import dev.bowline.json.JsonObject;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Optional;

/// The rendering of a dataset's conversations as text.
///
/// @param template empty for the checkpoint's `default`, or its `tool_use` for a conversation with tools
/// @param kwargs variables of the template's own, such as `enable_thinking`
/// @param date the day that the template's `strftime_now` tells; empty for the day the run begins
/// @param injectThinkingPrefix true inserts Gemma 4's empty thought before every answer
/// @param addBosToken true prepends the `bos_token` to examples that do not start with it
public record ChatTemplateSection(
        Optional<Template> template,
        JsonObject kwargs,
        Optional<LocalDate> date,
        boolean injectThinkingPrefix,
        boolean addBosToken) {

    /// A chat template that was chosen instead of the checkpoint's usual one.
    public sealed interface Template {

        /// One of the checkpoint's, by name.
        record Named(String name) implements Template {}

        /// A Jinja file in place of the checkpoint's.
        ///
        /// @param path absolute
        record InFile(Path path) implements Template {}

        /// Jinja text in the recipe itself.
        record Inline(String text) implements Template {}

        /// No template, even if the checkpoint has one: prompt and answer are plain text.
        record None() implements Template {}
    }

    /// The values of a recipe that has none of the section's keys.
    public static final ChatTemplateSection USUAL =
            new ChatTemplateSection(Optional.empty(), JsonObject.of(), Optional.empty(), false, false);
}
