package dev.bowline.text.jinja;

import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/// Items that are worked out when they are asked for. Nothing fails before that, as with Python's generators.
final class LazyItems implements Iterator<Value> {

    /// Gives the next item, or empty at the end.
    @FunctionalInterface
    interface Source {
        Optional<Value> next();
    }

    private final Supplier<Source> start;
    private Optional<Source> source = Optional.empty();
    private Optional<Value> found = Optional.empty();

    private LazyItems(Supplier<Source> start) {
        this.start = start;
    }

    static LazyItems mapped(Supplier<Iterator<Value>> items, Supplier<UnaryOperator<Value>> change) {
        return new LazyItems(() -> {
            Iterator<Value> all = items.get();
            UnaryOperator<Value> changed = all.hasNext() ? change.get() : UnaryOperator.identity();
            return () -> all.hasNext() ? Optional.of(changed.apply(all.next())) : Optional.empty();
        });
    }

    static LazyItems filtered(Supplier<Iterator<Value>> items, Supplier<Predicate<Value>> filter) {
        return new LazyItems(() -> {
            Iterator<Value> all = items.get();
            Predicate<Value> keeps = all.hasNext() ? filter.get() : _ -> true;
            return () -> {
                while (all.hasNext()) {
                    Value candidate = all.next();
                    if (keeps.test(candidate)) {
                        return Optional.of(candidate);
                    }
                }
                return Optional.empty();
            };
        });
    }

    /// All of them at once, but not before the first is asked for.
    static LazyItems deferred(Supplier<List<Value>> items) {
        return mapped(() -> items.get().iterator(), UnaryOperator::identity);
    }

    /// The items of a value, none if it is false.
    static Iterator<Value> ifTrue(Value value) {
        return Truthiness.of(value) ? Iteration.of(value) : Collections.emptyIterator();
    }

    @Override
    public boolean hasNext() {
        if (source.isEmpty()) {
            source = Optional.of(start.get());
        }
        if (found.isEmpty()) {
            found = source.get().next();
        }
        return found.isPresent();
    }

    @Override
    public Value next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        Value item = found.orElseThrow();
        found = Optional.empty();
        return item;
    }
}
