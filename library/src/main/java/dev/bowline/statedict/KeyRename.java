package dev.bowline.statedict;

import java.util.Optional;

/// A rename that is ready to be applied, in either direction.
record KeyRename(NamePattern from, NamePattern to) {

    static KeyRename of(WeightRule.Rename rule) {
        return new KeyRename(new NamePattern(rule.from()), new NamePattern(rule.to()));
    }

    static KeyRename adding(String prefix) {
        return new KeyRename(new NamePattern("{rest}"), new NamePattern(prefix + "{rest}"));
    }

    Optional<String> forward(String name) {
        return from.match(name).map(to::fill);
    }

    Optional<String> backward(String name) {
        return to.match(name).map(from::fill);
    }
}
