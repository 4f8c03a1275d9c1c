/// Mistral, Ministral 3, and the text path of the Mistral 3 vision-language model around either.
@NullMarked
package dev.bowline.model.mistral;

import org.jspecify.annotations.NullMarked;
