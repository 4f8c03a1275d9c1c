package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.Fix;

/// Makes the error of a recipe key, with the position of the key in the file.
@FunctionalInterface
interface RecipeKeyError {

    BowlineException of(String key, String problem, Fix fix);

    default BowlineException of(String key, String problem, String fix) {
        return of(key, problem, Fix.of(fix));
    }
}
