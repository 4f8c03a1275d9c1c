package dev.bowline.distributed;

import java.util.Optional;
import java.util.regex.Pattern;

/// Messages of libtorch and Gloo, without their frames and places in source files.
final class NativeMessages {

    private static final Pattern PLACE = Pattern.compile("^\\[[^\\]]*:[0-9]+\\]\\s*");

    private NativeMessages() {}

    /// The first line, without a leading `[file:line]`.
    static String firstLine(RuntimeException failure) {
        return Optional.ofNullable(failure.getMessage()).stream()
                .flatMap(String::lines)
                .findFirst()
                .map(NativeMessages::withoutPlace)
                .orElseGet(() -> failure.getClass().getSimpleName());
    }

    private static String withoutPlace(String line) {
        return PLACE.matcher(line).replaceFirst("").strip();
    }
}
