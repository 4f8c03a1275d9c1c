package dev.bowline.text.jinja;

import java.math.BigInteger;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A value of the template language. Equality is Python's `==`: `true`, `1` and `1.0` are one value and one key.
public sealed interface Value {

    Value NONE = new None();
    Value TRUE = new Bool(true);
    Value FALSE = new Bool(false);
    Value EMPTY_TEXT = new Text("");

    static Value of(String text) {
        return new Text(text);
    }

    static Value of(boolean fact) {
        return fact ? TRUE : FALSE;
    }

    static Value of(long number) {
        return new Whole(BigInteger.valueOf(number));
    }

    static Value of(BigInteger number) {
        return new Whole(number);
    }

    static Value of(double number) {
        return new Real(number);
    }

    static Value list(List<? extends Value> items) {
        return new Sequence(Sequence.Kind.LIST, List.copyOf(items));
    }

    static Value tuple(Value... items) {
        return new Sequence(Sequence.Kind.TUPLE, List.of(items));
    }

    /// A dict with string keys, in the map's order.
    static Value mapping(Map<String, ? extends Value> entries) {
        Map<Value, Value> keyed = new LinkedHashMap<>();
        entries.forEach((key, value) -> keyed.put(of(key), value));
        return new Mapping(keyed);
    }

    /// The absence of a value. It prints as nothing, is false and empty; anything else done with it fails with
    /// `message`.
    record Undefined(String message) implements Value {
        @Override
        public boolean equals(Object other) {
            return other instanceof Undefined;
        }

        @Override
        public int hashCode() {
            return 7;
        }
    }

    record None() implements Value {}

    record Bool(boolean fact) implements Value {
        @Override
        public boolean equals(Object other) {
            return other instanceof Value value && Numbers.equal(this, value);
        }

        @Override
        public int hashCode() {
            return Numbers.hash(this);
        }
    }

    record Whole(BigInteger number) implements Value {
        @Override
        public boolean equals(Object other) {
            return other instanceof Value value && Numbers.equal(this, value);
        }

        @Override
        public int hashCode() {
            return Numbers.hash(this);
        }
    }

    record Real(double number) implements Value {
        @Override
        public boolean equals(Object other) {
            return other instanceof Value value && Numbers.equal(this, value);
        }

        @Override
        public int hashCode() {
            return Numbers.hash(this);
        }
    }

    record Text(String text) implements Value {
        @Override
        public boolean equals(Object other) {
            RenderBudget.step();
            if (!(other instanceof Text(String compared)) || compared.length() != text.length()) {
                return false;
            }
            RenderBudget.read(text.length());
            return compared.equals(text);
        }

        @Override
        public int hashCode() {
            return text.hashCode();
        }
    }

    /// A Python list or tuple; equal only to its own kind. Templates cannot change one, so it is never copied.
    record Sequence(Kind kind, List<Value> items) implements Value {
        enum Kind {
            LIST,
            TUPLE
        }

        @Override
        public boolean equals(Object other) {
            RenderBudget.step();
            return other instanceof Sequence(Kind otherKind, List<Value> compared)
                    && kind == otherKind
                    && items.equals(compared);
        }

        @Override
        public int hashCode() {
            RenderBudget.step();
            return items.hashCode();
        }
    }

    /// The result of `range(…)`: its length follows from its bounds, and items are computed on access.
    record Range(long start, long stop, long step, List<Value> items) implements Value {}

    record Mapping(Map<Value, Value> entries) implements Value {
        public Mapping {
            entries = Collections.unmodifiableMap(entries);
        }

        @Override
        public boolean equals(Object other) {
            RenderBudget.step();
            return other instanceof Mapping(Map<Value, Value> compared) && entries.equals(compared);
        }

        @Override
        public int hashCode() {
            RenderBudget.step();
            return entries.hashCode();
        }
    }

    /// The result of `dict.keys()`, `dict.values()` and `dict.items()`: iterable and sized, but without positions.
    record View(String pythonName, List<Value> items) implements Value {}

    /// The result of a lazy filter such as `map`: it can be iterated once, and is empty after that.
    record Once(Iterator<Value> remaining) implements Value {
        @Override
        public boolean equals(Object other) {
            return this == other;
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(this);
        }
    }

    /// Everything else a name can stand for: functions, macros, loops, namespaces. Equal only to itself.
    non-sealed interface Native extends Value {

        /// The printed form.
        String description();

        /// The attribute of this name, or an [Undefined].
        default Value attribute(String name) {
            return new Undefined("'%s object' has no attribute '%s'".formatted(pythonType(), name));
        }

        default Value call(Arguments arguments) {
            throw new TemplateFailure("'%s' object is not callable".formatted(pythonType()));
        }

        String pythonType();
    }
}
