package dev.bowline.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// docs/api.md lists the public API: its entry points, and every type of Bowline in a public signature of a listed
/// type. A public type outside the page is internal.
///
/// `./mvnw -pl library test -Dtest=PublicApiTest -Dbowline.api.write=true` writes the page. An entry point is added
/// by hand, as a row with the type in bold.
class PublicApiTest {

    private static final Path PAGE = Path.of("..", "docs", "api.md");
    private static final Pattern ENTRY_POINT = Pattern.compile("\\| \\*\\*`(\\w+)`\\*\\* \\| .+ \\|");
    private static final Pattern ROW = Pattern.compile("\\| (?:\\*\\*)?`(\\w+)`(?:\\*\\*)? \\| .+ \\|");
    private static final Pattern SECTION = Pattern.compile("## `?([\\w.() ]+?)`?");
    /// The types of a module of its own, which its guide lists.
    private static final String SPARK_MODULE = "dev.bowline.spark.";

    private static final Pattern IMPORT = Pattern.compile("import (dev\\.bowline\\.[\\w.]*[A-Z]\\w*);");

    private final CompiledTypes types = new CompiledTypes(Path.of("target", "classes"));

    @Test
    void thePageListsEveryTypeThatTheEntryPointsExpose() throws IOException {
        if (Boolean.getBoolean("bowline.api.write")) {
            Files.writeString(PAGE, page());
        }

        assertEquals(api(), listed(ROW));
    }

    @Test
    void noTypeOfThePageExposesAPackagePrivateType() throws IOException {
        Set<String> hidden = new TreeSet<>();
        for (String type : api()) {
            types.exposedBy(type).stream()
                    .filter(used -> !types.isPublic(used))
                    .forEach(used -> hidden.add(type + " exposes " + used));
        }

        assertEquals(Set.of(), hidden);
    }

    @Test
    void aPublicTypeOutsideThePageIsUsedByAnotherPackage() throws IOException {
        Set<String> unused = new TreeSet<>(types.publicTypes());
        unused.removeAll(api());
        unused.removeAll(types.usedByOtherPackages());
        unused.removeAll(imported("cli/src", "formats/src", "spark/src", "bench/src", "fuzz/src", "library/src/test"));
        types.publicTypes().stream()
                .filter(type -> !unused.contains(type))
                .forEach(type -> unused.removeAll(types.exposedBy(type)));

        assertEquals(Set.of(), unused, "make these types package-private, or add them to docs/api.md");
    }

    @Test
    void theGuidesUseThePublicApiAlone() throws IOException {
        Set<String> internal = imported("docs/guides", "README.md");
        internal.removeAll(api());
        internal.removeIf(type -> type.startsWith(SPARK_MODULE));

        assertEquals(Set.of(), internal);
    }

    private Set<String> api() throws IOException {
        return types.reachableFrom(listed(ENTRY_POINT));
    }

    /// The types in the rows of the page that match.
    private static Set<String> listed(Pattern pattern) throws IOException {
        Set<String> listed = new TreeSet<>();
        String section = "";
        for (String line : Files.readAllLines(PAGE)) {
            Matcher heading = SECTION.matcher(line);
            Matcher row = pattern.matcher(line);
            if (heading.matches()) {
                section = heading.group(1).equals("(root)") ? "" : heading.group(1) + ".";
            } else if (row.matches()) {
                listed.add("dev.bowline." + section + row.group(1));
            }
        }
        return listed;
    }

    private String page() throws IOException {
        Set<String> entryPoints = listed(ENTRY_POINT);
        TreeMap<String, StringBuilder> sections = new TreeMap<>();
        for (String type : types.reachableFrom(entryPoints)) {
            String name = type.substring(type.lastIndexOf('.') + 1);
            String link = entryPoints.contains(type) ? "**`%s`**".formatted(name) : "`%s`".formatted(name);
            sections.computeIfAbsent(
                            type.substring(0, type.lastIndexOf('.')),
                            _ -> new StringBuilder("\n| type | |\n|---|---|\n"))
                    .append("| %s | %s |\n".formatted(link, firstSentence(type)));
        }
        String old = Files.readString(PAGE);
        StringBuilder page = new StringBuilder(old.substring(0, old.indexOf("\n## ")));
        sections.forEach((name, rows) -> page.append("\n## ")
                .append(
                        name.equals("dev.bowline")
                                ? "(root)"
                                : "`%s`".formatted(name.substring("dev.bowline.".length())))
                .append('\n')
                .append(rows));
        return page.toString();
    }

    /// The first sentence of the type's documentation.
    private static String firstSentence(String type) throws IOException {
        String source = Files.readString(Path.of("src/main/java", type.replace('.', '/') + ".java"));
        Matcher comment =
                Pattern.compile("(?m)((?:^///.*\n)+)(?:@.*\n)*^public ").matcher(source);
        if (!comment.find()) {
            throw new AssertionError(type + " has no documentation");
        }
        String text = comment.group(1)
                .replaceAll("(?m)^/// ?", "")
                .split("\n\n", 2)[0]
                .replace('\n', ' ');
        Matcher sentence =
                Pattern.compile("(.+?(?:\\.(?= [A-Z`\"\\[])|[.:]\\s*$))").matcher(text);
        String first = (sentence.find() ? sentence.group(1) : text).strip();
        return first.replaceAll("\\[#?([\\w.#]+)](?![(\\[])", "$1")
                .replaceAll("`([A-Z]\\w+)`", "$1")
                .replace("|", "\\|");
    }

    private static Set<String> imported(String... roots) throws IOException {
        Set<String> imported = new TreeSet<>();
        for (String root : roots) {
            try (Stream<Path> files = Files.walk(Path.of("..", root))) {
                for (Path file : files.filter(path -> path.toString().matches(".*\\.(java|md)"))
                        .toList()) {
                    IMPORT.matcher(Files.readString(file)).results().forEach(found -> imported.add(found.group(1)));
                }
            }
        }
        return imported;
    }
}
