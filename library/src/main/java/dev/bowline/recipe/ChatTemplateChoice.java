package dev.bowline.recipe;

import java.nio.file.Path;

/// A chat template that was chosen instead of the checkpoint's usual one.
public sealed interface ChatTemplateChoice {

    /// One of the checkpoint's, by name.
    record Named(String name) implements ChatTemplateChoice {}

    /// A Jinja file in place of the checkpoint's.
    ///
    /// @param path absolute
    record InFile(Path path) implements ChatTemplateChoice {}

    /// Jinja that stands in the recipe itself.
    record Inline(String text) implements ChatTemplateChoice {}

    /// None, whether or not the checkpoint has one: prompt and answer are plain text.
    record None() implements ChatTemplateChoice {}
}
