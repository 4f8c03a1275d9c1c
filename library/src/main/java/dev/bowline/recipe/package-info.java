/// A recipe: the YAML file that describes a fine-tuning, read into validated records.
///
/// [RecipeFile#load] reads a file and [RecipeBuilder] builds a recipe in a program. Each section's record
/// declares its keys; the reader, the guide and `explain` use these declarations.
@NullMarked
package dev.bowline.recipe;

import org.jspecify.annotations.NullMarked;
