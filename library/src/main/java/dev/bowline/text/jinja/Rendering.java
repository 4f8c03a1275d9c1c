package dev.bowline.text.jinja;

import java.util.List;

/// The text that a template printed, and the parts of the text in `{% generation %}` blocks.
///
/// @param generations in order and disjoint; empty blocks are not listed
/// @param generationTracking whether these are all of them
public record Rendering(String text, List<Span> generations, GenerationTracking generationTracking) {

    public Rendering {
        generations = List.copyOf(generations);
    }

    /// The reliability of `generations`.
    public enum GenerationTracking {
        /// Every generation block that printed something is listed.
        COMPLETE,
        /// A generation block ran inside a macro, a `set` or a `filter` block, where its place on the page is
        /// unknown.
        LOST
    }
}
