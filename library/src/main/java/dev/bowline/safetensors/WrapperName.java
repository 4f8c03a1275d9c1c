package dev.bowline.safetensors;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The text that a wrapper adds to the names of a model's tensors: `module.` of DataParallel and DeepSpeed,
/// `_orig_mod.` of torch.compile, `_fsdp_wrapped_module.` of FSDP, the attribute of a class that holds the model.
///
/// @param text ends in a dot
/// @param place where the names have it
public record WrapperName(String text, Place place) {

    /// The place of a wrapper's text in a name.
    public enum Place {
        /// All names begin with it.
        IN_FRONT("in front"),
        /// Wrappers of single modules add it somewhere in a name.
        INSIDE("inside"),
        /// Names that should begin with it once begin with it twice.
        TWICE("twice in front");

        private final String phrase;

        Place(String phrase) {
            this.phrase = phrase;
        }

        @Override
        public String toString() {
            return phrase;
        }
    }

    /// The largest number of parts in a prefix; no known wrapper adds more.
    private static final int DEPTH = 6;

    private static final Pattern INNER =
            Pattern.compile("(?<=^|\\.)(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|_fpw_module)\\.");

    private static final Pattern DOUBLED = Pattern.compile("^(\\w+\\.)\\1");

    /// The texts that a wrapper may have added to these names. Only a model can tell if a name without it is its
    /// own.
    public static List<WrapperName> candidates(Collection<String> names) {
        List<WrapperName> candidates = new ArrayList<>();
        if (names.isEmpty()) {
            return candidates;
        }
        commonPrefixes(names).forEach(prefix -> candidates.add(new WrapperName(prefix, Place.IN_FRONT)));
        first(names, INNER).ifPresent(inner -> candidates.add(new WrapperName(inner.group(), Place.INSIDE)));
        first(names, DOUBLED).ifPresent(doubled -> candidates.add(new WrapperName(doubled.group(1), Place.TWICE)));
        return candidates;
    }

    /// The name without the wrapper; a name without the wrapper's text is returned unchanged.
    public String without(String name) {
        return switch (place) {
            case IN_FRONT -> name.startsWith(text) ? name.substring(text.length()) : name;
            case INSIDE -> INNER.matcher(name).replaceAll("");
            case TWICE -> name.startsWith(text + text) ? name.substring(text.length()) : name;
        };
    }

    private static Optional<Matcher> first(Collection<String> names, Pattern pattern) {
        return names.stream().map(pattern::matcher).filter(Matcher::find).findFirst();
    }

    private static List<String> commonPrefixes(Collection<String> names) {
        List<String> prefixes = new ArrayList<>();
        String first = names.iterator().next();
        int dot = first.indexOf('.');
        for (int depth = 0; depth < DEPTH && dot >= 0; depth++) {
            String prefix = first.substring(0, dot + 1);
            if (!names.stream().allMatch(name -> name.startsWith(prefix) && name.length() > prefix.length())) {
                break;
            }
            prefixes.add(prefix);
            dot = first.indexOf('.', dot + 1);
        }
        return prefixes;
    }
}
