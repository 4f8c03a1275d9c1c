package dev.bowline.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Comments, messages and pages are plain English: a sentence begins with its subject, and has no idiom.
class PlainEnglishTest {

    /// Packages with sentences that break the rule still. A package that is clean leaves the list.
    private static final Set<String> UNFINISHED = Set.of();

    private static final Set<String> UNFINISHED_PAGES = Set.of("api.md", "coverage.md", "tied-weights.md");

    private static final Pattern COMMENT = Pattern.compile("(?:^|[;{,)\\s])//+ ?(.*)$");
    private static final Pattern STRING = Pattern.compile("\"((?:[^\"\\\\]|\\\\.)*)\"");

    /// A sentence without a subject, at the start of a line or after a full stop.
    private static final Pattern BEGINNING = Pattern.compile("(?:^|[.:;?!] )(?:What|Whether|Of|Says|As|How) ");

    private static final Pattern PARAMETER = Pattern.compile("^@(?:param \\w+|return) what ");
    private static final Pattern IDIOM = Pattern.compile(
            "\\bas (?:it|they) (?:is|are|was|were|stands?|stood)\\b|\\bbeside\\b|\\b(?:go|goes|went) on\\b"
                    + "|without a word|\\blaid\\b|\\bside by side\\b|\\b(?:brings?|brought) along\\b|\\blets? go\\b",
            Pattern.CASE_INSENSITIVE);

    @Test
    void commentsAndMessagesArePlain() throws IOException {
        List<String> wrong = new ArrayList<>();
        for (Path root : List.of(
                Path.of("src/main/java"),
                Path.of("../cli/src/main/java"),
                Path.of("../formats/src/main/java"),
                Path.of("../spark/src/main/java"))) {
            for (Path file : files(root, ".java")) {
                if (!UNFINISHED.contains(packageOf(file))) {
                    for (String line : Files.readAllLines(file)) {
                        if (isWrong(line.strip())) {
                            wrong.add("%s: %s".formatted(file.getFileName(), line.strip()));
                        }
                    }
                }
            }
        }

        assertEquals("", String.join("\n", wrong));
    }

    /// Other pages have sentences of fixtures and of classes, or are unfinished.
    @Test
    void pagesHaveNoIdiom() throws IOException {
        List<String> wrong = new ArrayList<>();
        List<Path> pages = new ArrayList<>(files(Path.of("../docs"), ".md"));
        pages.removeIf(page -> UNFINISHED_PAGES.contains(page.getFileName().toString()));
        pages.addAll(List.of(Path.of("../README.md"), Path.of("../CONTRIBUTING.md")));
        for (Path page : pages) {
            for (String line : Files.readAllLines(page)) {
                if (IDIOM.matcher(line).find()) {
                    wrong.add("%s: %s".formatted(page.getFileName(), line));
                }
            }
        }

        assertEquals("", String.join("\n", wrong));
    }

    private static boolean isWrong(String line) {
        Matcher comment = COMMENT.matcher(line);
        if (comment.find()) {
            String text = comment.group(1);
            return BEGINNING.matcher(text).find()
                    || PARAMETER.matcher(text).find()
                    || IDIOM.matcher(text).find();
        }
        return STRING.matcher(line)
                .results()
                .anyMatch(string -> IDIOM.matcher(string.group(1)).find());
    }

    private static String packageOf(Path file) {
        String path = file.toString().replace('\\', '/');
        return path.substring(path.indexOf("dev/bowline"), path.lastIndexOf('/'))
                .replace('/', '.');
    }

    private static List<Path> files(Path root, String ending) throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            return files.filter(path -> path.toString().endsWith(ending)).collect(Collectors.toList());
        }
    }
}
