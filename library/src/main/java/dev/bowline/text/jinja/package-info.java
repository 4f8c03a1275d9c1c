/// Jinja templates as chat models use them: the language of jinja2 with the options Hugging Face's tokenizers set.
///
/// Text goes through `Lexer` and the two parsers into `Statement` and `Expression` trees, which `Executor` and
/// `Evaluator` walk. Values behave as Python's do, because templates were written against Python.
@NullMarked
package dev.bowline.text.jinja;

import org.jspecify.annotations.NullMarked;
