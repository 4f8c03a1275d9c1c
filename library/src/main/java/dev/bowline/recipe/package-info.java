/// A recipe: the YAML file that describes a fine-tuning, read into records that cannot exist invalid.
///
/// [RecipeFile#load] is the door. Everything a recipe may say is in one table, and the reader, the guide and
/// `explain` are all made from it, so a key that is declared is a key that is read.
@NullMarked
package dev.bowline.recipe;

import org.jspecify.annotations.NullMarked;
