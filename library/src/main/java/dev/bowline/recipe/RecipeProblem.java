package dev.bowline.recipe;

/// One thing that is wrong with a recipe.
///
/// @param at what to change
/// @param problem the key, what was expected and what was found
/// @param fix what to do, in the imperative
public record RecipeProblem(Origin at, String problem, String fix) {

    /// The position and the problem on one line, as compilers write it.
    public String headline() {
        return at + ": " + problem;
    }
}
