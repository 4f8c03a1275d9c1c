package dev.bowline.recipe;

import java.nio.file.Path;

/// The origin of a value: the place to change it.
public sealed interface Origin {

    /// A place in the recipe file.
    ///
    /// @param line counted from 1
    /// @param column counted from 1, in characters
    record InFile(Path file, int line, int column) implements Origin {
        @Override
        public String toString() {
            return file + ":" + line + ":" + column;
        }
    }

    /// An override of the file.
    ///
    /// @param assignment `key.path=value`
    record OnFlag(String assignment) implements Origin {
        @Override
        public String toString() {
            return "override " + assignment;
        }
    }

    /// A call of a program.
    ///
    /// @param key dotted
    record InProgram(String key) implements Origin {
        @Override
        public String toString() {
            return "RecipeBuilder: " + key;
        }
    }

    /// The default.
    ///
    /// @param reason why this default
    record Default(String reason) implements Origin {
        @Override
        public String toString() {
            return "default: " + reason;
        }
    }

    /// The default of NeMo AutoModel, in a recipe of AutoModel.
    ///
    /// @param reason describes the default
    record AutoModelDefault(String reason) implements Origin {
        @Override
        public String toString() {
            return "AutoModel's default: " + reason;
        }
    }

    /// True if the file, a flag or a program gives the value.
    default boolean isGiven() {
        return switch (this) {
            case InFile _, OnFlag _, InProgram _ -> true;
            case Default _, AutoModelDefault _ -> false;
        };
    }
}
