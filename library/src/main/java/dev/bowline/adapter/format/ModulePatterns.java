package dev.bowline.adapter.format;

import java.util.List;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// A choice of modules by name.
public sealed interface ModulePatterns {

    /// No module.
    ModulePatterns NONE = new Named(List.of());

    /// True if the choice has `module`, the full dotted name of a module or of a stacked weight.
    ///
    /// [AllLinear] does not decide by name: it has every name, and the caller asks it for linears only.
    boolean matches(String module);

    /// A name as a regular expression that Java and Python read; Python has no `\Q…\E`.
    static String regex(String name) {
        return Pattern.compile("[^A-Za-z0-9_]").matcher(name).replaceAll("\\\\$0");
    }

    /// Every linear but the head and routers: PEFT's `all-linear`, AutoModel's `match_all_linear`.
    record AllLinear() implements ModulePatterns {

        @Override
        public boolean matches(String module) {
            return true;
        }
    }

    /// Names. A name without `*` matches the module of that name and every module whose name ends with a dot and
    /// that name (PEFT). A name with `*` is a pattern of the full name, in which `*` stands for any characters
    /// (AutoModel).
    record Named(List<String> names) implements ModulePatterns {

        public Named {
            names = List.copyOf(names);
        }

        @Override
        public boolean matches(String module) {
            return names.stream().anyMatch(name -> matches(name, module));
        }

        /// True if one name of a list matches `module`.
        public static boolean matches(String name, String module) {
            if (!name.contains("*")) {
                return module.equals(name) || module.endsWith("." + name);
            }
            StringBuilder regex = new StringBuilder();
            for (String part : name.split("\\*", -1)) {
                regex.append(regex.isEmpty() ? "" : ".*").append(part.isEmpty() ? "" : Pattern.quote(part));
            }
            return Pattern.matches(name.startsWith("*") ? ".*" + regex : regex.toString(), module);
        }
    }

    /// One regular expression that the full name must match: PEFT's `target_modules` as a string.
    ///
    /// @throws PatternSyntaxException if `regex` is not a regular expression
    record Regex(String regex) implements ModulePatterns {

        public Regex {
            var _ = Pattern.compile(regex);
        }

        @Override
        public boolean matches(String module) {
            return Pattern.matches(regex, module);
        }
    }
}
