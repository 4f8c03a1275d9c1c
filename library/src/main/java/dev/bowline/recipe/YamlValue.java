package dev.bowline.recipe;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/// A YAML value and its position. Nothing is converted: the key decides about the meaning of `yes` or `1e-5`.
sealed interface YamlValue {

    Origin at();

    /// The value's name in a message: `the text 'yes'`, `the number 3`, `a list of 2`.
    String found();

    /// The value in lower case, `null` for no value: the form in which tables of values are written.
    default String normalized() {
        return switch (this) {
            case Scalar scalar -> scalar.isNull() ? "null" : scalar.text().toLowerCase(Locale.ROOT);
            case Sequence sequence -> sequence.items().isEmpty() ? "[]" : sequence.found();
            case Mapping mapping -> mapping.entries().isEmpty() ? "{}" : mapping.found();
        };
    }

    /// The value if it is a scalar.
    default Optional<Scalar> asScalar() {
        return this instanceof Scalar scalar ? Optional.of(scalar) : Optional.empty();
    }

    /// The value if it is a number, quoted or not.
    default Optional<Double> asNumber() {
        return asScalar()
                .filter(scalar -> Scalar.NUMBER.matcher(scalar.text()).matches())
                .map(scalar -> Double.valueOf(scalar.text()));
    }

    /// @param isPlain written without quotes, so that `5` is a number
    record Scalar(String text, boolean isPlain, Origin at) implements YamlValue {

        static final Pattern INTEGER = Pattern.compile("[-+]?[0-9]+");
        static final Pattern NUMBER = Pattern.compile("[-+]?(\\.[0-9]+|[0-9]+(\\.[0-9]*)?)([eE][-+]?[0-9]+)?");

        private static final Pattern NOT_A_NUMBER =
                Pattern.compile("[-+]?\\.?(nan|inf|infinity)", Pattern.CASE_INSENSITIVE);
        private static final List<String> NULLS = List.of("", "~", "null", "Null", "NULL");
        private static final List<String> BOOLEANS = List.of("true", "True", "TRUE", "false", "False", "FALSE");
        private static final int LONGEST_SHOWN = 60;

        boolean isNull() {
            return isPlain && NULLS.contains(text);
        }

        boolean isBoolean() {
            return isPlain && BOOLEANS.contains(text);
        }

        boolean isNumber() {
            return isPlain
                    && (NUMBER.matcher(text).matches()
                            || NOT_A_NUMBER.matcher(text).matches());
        }

        @Override
        public String found() {
            if (isNull()) {
                return "nothing";
            }
            if (isBoolean()) {
                return text;
            }
            if (isNumber()) {
                return "the number " + text;
            }
            String shown = text.length() <= LONGEST_SHOWN ? text : text.substring(0, LONGEST_SHOWN) + "…";
            return "the text '" + shown.replaceAll("\\p{Cntrl}", "·") + "'";
        }
    }

    record Sequence(List<YamlValue> items, Origin at) implements YamlValue {

        public Sequence {
            items = List.copyOf(items);
        }

        @Override
        public String found() {
            return "a list of " + items.size();
        }
    }

    /// @param entries in the order they were written, each key once
    record Mapping(List<Entry> entries, Origin at) implements YamlValue {

        public Mapping {
            entries = List.copyOf(entries);
        }

        Optional<Entry> entry(String key) {
            return entries.stream().filter(entry -> entry.key().equals(key)).findFirst();
        }

        /// The value at `path`.
        Optional<YamlValue> find(List<String> path) {
            Optional<YamlValue> value = entry(path.getFirst()).map(Entry::value);
            return path.size() == 1
                    ? value
                    : value.flatMap(inner -> inner instanceof Mapping mapping
                            ? mapping.find(path.subList(1, path.size()))
                            : Optional.empty());
        }

        /// The same with `value` at `path`, in the place of what was there.
        Mapping with(List<String> path, YamlValue value) {
            String key = path.getFirst();
            List<Entry> changed = new ArrayList<>(without(List.of(key)).entries);
            if (path.size() == 1) {
                changed.add(new Entry(key, value.at(), value));
            } else {
                Optional<Entry> old = entry(key);
                Mapping inner = old.isPresent() && old.get().value() instanceof Mapping mapping
                        ? mapping
                        : new Mapping(List.of(), value.at());
                Origin keyAt = old.isPresent() ? old.get().keyAt() : value.at();
                changed.add(new Entry(key, keyAt, inner.with(path.subList(1, path.size()), value)));
            }
            return new Mapping(changed, at);
        }

        /// The same with nothing at `path`.
        Mapping without(List<String> path) {
            List<Entry> kept = new ArrayList<>();
            for (Entry entry : entries) {
                if (!entry.key().equals(path.getFirst())) {
                    kept.add(entry);
                } else if (path.size() > 1 && entry.value() instanceof Mapping inner) {
                    kept.add(new Entry(entry.key(), entry.keyAt(), inner.without(path.subList(1, path.size()))));
                }
            }
            return new Mapping(kept, at);
        }

        @Override
        public String found() {
            return "a mapping";
        }
    }

    record Entry(String key, Origin keyAt, YamlValue value) {}
}
