package dev.bowline.statedict;

import java.util.Optional;

/// A rename that is ready to be applied, in either direction.
record Renaming(NamePattern from, NamePattern to) {

    static Renaming of(WeightRule.Rename rule) {
        return new Renaming(new NamePattern(rule.from()), new NamePattern(rule.to()));
    }

    static Renaming adding(String prefix) {
        return new Renaming(new NamePattern("{rest}"), new NamePattern(prefix + "{rest}"));
    }

    Optional<String> forward(String name) {
        return from.match(name).map(to::fill);
    }

    Optional<String> backward(String name) {
        return to.match(name).map(from::fill);
    }
}
