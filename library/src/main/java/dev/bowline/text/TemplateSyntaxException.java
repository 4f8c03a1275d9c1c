package dev.bowline.text;

import dev.bowline.BowlineException;

/// A chat template that cannot be parsed, so that no conversation can be rendered; jinja2's `TemplateSyntaxError`.
public final class TemplateSyntaxException extends BowlineException {

    TemplateSyntaxException(BowlineException failure) {
        super(failure.problem(), failure.howToFix(), failure);
    }
}
