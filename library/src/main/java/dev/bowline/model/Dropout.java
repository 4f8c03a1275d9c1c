package dev.bowline.model;

import dev.bowline.BowlineException;

/// A dropout that transformers applies while it trains and never otherwise.
///
/// @param key of config.json that asks for it
/// @param probability of a value to be dropped, above 0 and below 1
public record Dropout(String key, double probability) {

    public Dropout {
        if (!(probability > 0 && probability < 1)) {
            throw new BowlineException("%s is %s".formatted(key, probability), "it must be at least 0 and less than 1");
        }
    }
}
