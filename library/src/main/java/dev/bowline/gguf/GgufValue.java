package dev.bowline.gguf;

import java.util.List;

/// A value of a GGUF file's metadata.
public sealed interface GgufValue {

    /// STRING, in UTF-8.
    record Text(String value) implements GgufValue {}

    /// UINT32.
    record Unsigned(long value) implements GgufValue {

        public Unsigned {
            if (value < 0 || value > 0xFFFF_FFFFL) {
                throw new IllegalArgumentException(value + " is not an unsigned number of 32 bits");
            }
        }
    }

    /// FLOAT32.
    record Real(float value) implements GgufValue {}

    /// BOOL.
    record Flag(boolean value) implements GgufValue {}

    /// ARRAY of STRING.
    record Texts(List<String> values) implements GgufValue {

        public Texts {
            values = List.copyOf(values);
        }
    }

    /// ARRAY of INT32.
    record Integers(List<Integer> values) implements GgufValue {

        public Integers {
            values = List.copyOf(values);
        }
    }

    /// ARRAY of FLOAT32.
    record Reals(List<Float> values) implements GgufValue {

        public Reals {
            values = List.copyOf(values);
        }
    }
}
