package dev.bowline.report;

import java.time.Duration;
import java.util.Locale;

/// Numbers as people read them.
public final class Quantity {

    private static final String[] UNITS = {"bytes", "KiB", "MiB", "GiB", "TiB"};

    private Quantity() {}

    /// `1,234,567`.
    public static String count(long value) {
        return String.format(Locale.ROOT, "%,d", value);
    }

    /// `1 tensor`, `1,234 tensors`.
    public static String count(long value, String noun) {
        return count(value) + " " + noun + (value == 1 ? "" : "s");
    }

    /// `17 bytes`, `1.5 MiB`.
    public static String bytes(long value) {
        double scaled = value;
        int unit = 0;
        // 1023.95 would be shown as 1024.0.
        while (scaled >= 1023.95 && unit < UNITS.length - 1) {
            scaled /= 1024;
            unit++;
        }
        return unit == 0 ? value + " " + UNITS[0] : String.format(Locale.ROOT, "%.1f %s", scaled, UNITS[unit]);
    }

    /// `0.4 s`, `17 s`, `3 m 05 s`, `2 h 07 m`, `3 d 04 h`.
    public static String duration(Duration duration) {
        double exact = duration.toMillis() / 1000.0;
        if (exact < 9.95) {
            return String.format(Locale.ROOT, "%.1f s", exact);
        }
        long seconds = Math.round(exact);
        if (seconds < 60) {
            return seconds + " s";
        }
        if (seconds < 3600) {
            return "%d m %02d s".formatted(seconds / 60, seconds % 60);
        }
        if (seconds < 86_400) {
            return "%d h %02d m".formatted(seconds / 3600, seconds / 60 % 60);
        }
        return "%d d %02d h".formatted(seconds / 86_400, seconds / 3600 % 24);
    }

    /// `87.5 %`.
    public static String percent(long part, long whole) {
        return String.format(Locale.ROOT, "%.1f %%", whole == 0 ? 0 : 100.0 * part / whole);
    }
}
