package dev.bowline.adapter.format;

import java.util.List;
import java.util.stream.Collectors;

/// `layers_to_transform` and `layers_pattern` of PEFT as one regular expression of the module's full name.
///
/// PEFT takes the first number of the name that follows a name of two components or more, or that follows
/// `layers_pattern`, and compares the number with the list. A target that is a module's full name is adapted in
/// every layer.
final class LayerPatterns {

    private LayerPatterns() {}

    /// @param targets names of `target_modules`
    /// @param layers the numbers of the layers
    /// @param patterns names in front of the number, as regular expressions; any name where the list is empty
    static String regex(List<String> targets, List<Long> layers, List<String> patterns) {
        String names = targets.stream().map(ModulePatterns::regex).collect(Collectors.joining("|"));
        String numbers = layers.stream().map(String::valueOf).collect(Collectors.joining("|"));
        String before = patterns.isEmpty()
                ? "[^.]+\\.(?:(?!\\d+\\.)[^.]+\\.)+"
                : "(?:(?!(?:%1$s)\\.\\d+\\.)[^.]+\\.)*(?:%1$s)\\.".formatted(String.join("|", patterns));
        return "(?:%1$s)|%2$s(?:%3$s)\\.(?:.+\\.)?(?:%1$s)".formatted(names, before, numbers);
    }
}
