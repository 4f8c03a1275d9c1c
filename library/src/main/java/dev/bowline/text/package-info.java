/// Text to token ids and back: tokenizer, chat template, and which ids are the assistant's.
@NullMarked
package dev.bowline.text;

import org.jspecify.annotations.NullMarked;
