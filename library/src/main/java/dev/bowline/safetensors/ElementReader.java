package dev.bowline.safetensors;

import java.nio.ByteBuffer;
import java.util.Optional;

/// Elements of the float types as numbers, and as places in the order of the type's values.
public enum ElementReader {
    F64(SafetensorsType.F64, 11) {
        @Override
        public double value(ByteBuffer bytes, int at) {
            return bytes.getDouble(at);
        }

        @Override
        public long bits(ByteBuffer bytes, int at) {
            return bytes.getLong(at);
        }
    },
    F32(SafetensorsType.F32, 8) {
        @Override
        public double value(ByteBuffer bytes, int at) {
            return bytes.getFloat(at);
        }

        @Override
        public long bits(ByteBuffer bytes, int at) {
            return bytes.getInt(at);
        }
    },
    F16(SafetensorsType.F16, 5) {
        @Override
        public double value(ByteBuffer bytes, int at) {
            return Float.float16ToFloat(bytes.getShort(at));
        }

        @Override
        public long bits(ByteBuffer bytes, int at) {
            return bytes.getShort(at);
        }
    },
    BF16(SafetensorsType.BF16, 8) {
        @Override
        public double value(ByteBuffer bytes, int at) {
            return Float.intBitsToFloat(bytes.getShort(at) << 16);
        }

        @Override
        public long bits(ByteBuffer bytes, int at) {
            return bytes.getShort(at);
        }
    };

    private final SafetensorsType type;
    private final int exponentBits;

    ElementReader(SafetensorsType type, int exponentBits) {
        this.type = type;
        this.exponentBits = exponentBits;
    }

    /// The element that starts at byte `at`.
    public abstract double value(ByteBuffer bytes, int at);

    /// The element's bits, sign-extended.
    public abstract long bits(ByteBuffer bytes, int at);

    /// The bits of the first `count` elements, sign-extended; for a type of at most 32 bits.
    void bits(ByteBuffer bytes, int[] target, int count) {
        if (type.bytes() == Integer.BYTES) {
            bytes.slice(0, count * Integer.BYTES)
                    .order(bytes.order())
                    .asIntBuffer()
                    .get(target, 0, count);
            return;
        }
        short[] shorts = new short[count];
        bytes.slice(0, count * Short.BYTES).order(bytes.order()).asShortBuffer().get(shorts);
        for (int i = 0; i < count; i++) {
            target[i] = shorts[i];
        }
    }

    /// The bits that the first `count` elements have as 32-bit floats; for a type of at most 32 bits.
    void floatBits(ByteBuffer bytes, int[] target, int count) {
        bits(bytes, target, count);
        if (this == BF16) {
            for (int i = 0; i < count; i++) {
                target[i] <<= 16;
            }
        } else if (this == F16) {
            for (int i = 0; i < count; i++) {
                target[i] = Float.floatToRawIntBits(Float.float16ToFloat((short) target[i]));
            }
        }
    }

    /// The value that these bits have in this type; for a type of at most 32 bits.
    float value(int bits) {
        return this == BF16
                ? Float.intBitsToFloat(bits << 16)
                : this == F32 ? Float.intBitsToFloat(bits) : Float.float16ToFloat((short) bits);
    }

    /// One element.
    public int bytes() {
        return type.bytes();
    }

    /// The exponent bits, all set in what is infinite or not a number.
    public long exponentMask() {
        int width = 8 * type.bytes();
        return ((1L << exponentBits) - 1) << (width - 1 - exponentBits);
    }

    /// A number whose differences count the representable values between two elements; both zeros are 0.
    public long order(long bits) {
        long magnitude = bits & Long.MAX_VALUE >>> 64 - 8 * type.bytes();
        return bits < 0 ? -magnitude : magnitude;
    }

    /// The same as for a double; for a type of at most 32 bits.
    float round(float value) {
        return switch (this) {
            case F64, F32 -> value;
            case F16 -> Float.float16ToFloat(Float.floatToFloat16(value));
            case BF16 -> bfloat16(value);
        };
    }

    /// The value nearest to `value` in this type, ties to even, as a cast gives it.
    public double round(double value) {
        return switch (this) {
            case F64 -> value;
            case F32 -> (float) value;
            case F16, BF16 -> round((float) value);
        };
    }

    private static float bfloat16(float value) {
        if (Float.isNaN(value)) {
            return value;
        }
        int bits = Float.floatToRawIntBits(value);
        int rounded = bits + 0x7fff + (bits >>> 16 & 1);
        return Float.intBitsToFloat(rounded & 0xffff0000);
    }

    /// Empty for a type that is not one of these.
    public static Optional<ElementReader> of(SafetensorsType type) {
        for (ElementReader reader : values()) {
            if (reader.type == type) {
                return Optional.of(reader);
            }
        }
        return Optional.empty();
    }
}
