package dev.bowline.recipe;

import java.nio.file.Path;

/// Where a value came from, for whoever has to change it.
public sealed interface Origin {

    /// Written in the recipe.
    ///
    /// @param line counted from 1
    /// @param column counted from 1, in characters
    record InFile(Path file, int line, int column) implements Origin {
        @Override
        public String toString() {
            return file + ":" + line + ":" + column;
        }
    }

    /// Given on the command line.
    ///
    /// @param assignment `key.path=value`
    record OnFlag(String assignment) implements Origin {
        @Override
        public String toString() {
            return "--set " + assignment;
        }
    }

    /// Given by a program.
    ///
    /// @param key dotted
    record InProgram(String key) implements Origin {
        @Override
        public String toString() {
            return "RecipeBuilder: " + key;
        }
    }

    /// Nobody gave it.
    ///
    /// @param reason why this default
    record Default(String reason) implements Origin {
        @Override
        public String toString() {
            return "default: " + reason;
        }
    }

    /// Nobody gave it, and the recipe is one of NeMo AutoModel, whose default differs or is known to be the
    /// same.
    ///
    /// @param reason what the default is
    record AutoModelDefault(String reason) implements Origin {
        @Override
        public String toString() {
            return "AutoModel's default: " + reason;
        }
    }

    /// Whether somebody wrote it.
    default boolean isGiven() {
        return switch (this) {
            case InFile _, OnFlag _, InProgram _ -> true;
            case Default _, AutoModelDefault _ -> false;
        };
    }
}
