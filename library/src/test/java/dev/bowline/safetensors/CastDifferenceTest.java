package dev.bowline.safetensors;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Rows of two float types are compared as one element after the other would be: cast, then equal.
class CastDifferenceTest {

    private static final int WIDTH = 19;
    private static final double[] SPECIAL = {
        0.0,
        -0.0,
        Double.NaN,
        Double.POSITIVE_INFINITY,
        Double.NEGATIVE_INFINITY,
        Float.MAX_VALUE,
        Float.MIN_VALUE,
        65_519,
        65_520,
        1 + 1 / 256.0,
        1 + 3 / 256.0,
        1e-7
    };

    private final Random random = new Random(20260701);

    /// What differs of one row, element by element.
    private record Told(boolean differs, double largest, boolean exact) {

        static Told of(ElementReader x, ElementReader y, ByteBuffer a, ByteBuffer b) {
            boolean firstIsWider = x.bytes() >= y.bytes();
            ElementReader narrow = firstIsWider ? y : x;
            boolean differs = false;
            boolean exact = true;
            double largest = 0;
            for (int i = 0; i < WIDTH; i++) {
                double u = x.value(a, i * x.bytes());
                double v = y.value(b, i * y.bytes());
                exact &= u == v;
                if (narrow.round(firstIsWider ? u : v) != (firstIsWider ? v : u)) {
                    differs = true;
                    largest = Math.max(largest, Math.abs(u - v));
                }
            }
            return new Told(differs, largest, exact);
        }
    }

    @Test
    void everyPairOfTypesIsComparedAsElementByElement() {
        List<Told> seen = new ArrayList<>();
        for (ElementReader x : ElementReader.values()) {
            for (ElementReader y : ElementReader.values()) {
                for (int round = 0; x != y && round < 2000; round++) {
                    double[] values = values(round);
                    ByteBuffer a = row(x, values, y, round);
                    ByteBuffer b = row(y, values, x, round);
                    if (round % 5 == 4) {
                        put(b, y, random.nextInt(WIDTH), SPECIAL[random.nextInt(SPECIAL.length)]);
                    }
                    CastDifference difference = new CastDifference(x, y);

                    boolean differs = difference.differs(a, b);

                    Told told = Told.of(x, y, a, b);
                    assertEquals(
                            told,
                            new Told(differs, difference.largest(), difference.isExact()),
                            () -> "%s and %s: %s".formatted(x, y, java.util.Arrays.toString(values)));
                    seen.add(new Told(told.differs(), 0, told.exact()));
                }
            }
        }
        assertEquals(
                3,
                seen.stream().distinct().count(),
                "equal, equal when rounded, different: each must have been among them");
    }

    private double[] values(int round) {
        double[] values = new double[WIDTH];
        for (int i = 0; i < WIDTH; i++) {
            boolean isSpecial = round % 3 == 0 && random.nextInt(8) == 0;
            values[i] = isSpecial ? SPECIAL[random.nextInt(SPECIAL.length)] : random.nextGaussian();
        }
        return values;
    }

    /// The values in this type; in every other round they are first made such that both types have them.
    private static ByteBuffer row(ElementReader type, double[] values, ElementReader other, int round) {
        ByteBuffer bytes = ByteBuffer.allocate(WIDTH * type.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < WIDTH; i++) {
            put(bytes, type, i, round % 2 == 0 ? type.round(other.round(type.round(values[i]))) : values[i]);
        }
        return bytes;
    }

    private static void put(ByteBuffer bytes, ElementReader type, int index, double value) {
        int at = index * type.bytes();
        switch (type) {
            case F64 -> bytes.putDouble(at, value);
            case F32 -> bytes.putFloat(at, (float) value);
            case F16 -> bytes.putShort(at, Float.floatToFloat16((float) value));
            case BF16 ->
                bytes.putShort(at, (short) (Float.floatToRawIntBits((float) ElementReader.BF16.round(value)) >>> 16));
        }
    }
}
