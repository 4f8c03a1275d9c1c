package dev.bowline.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.Utf8Entry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The classes of a package use each other in one direction only, so a reader can start with a class that uses no
/// other.
class ClassCyclesTest {

    private static final Path CLASSES = Path.of("target", "classes").toAbsolutePath();
    private static final Pattern DESCRIBED = Pattern.compile("L(dev/bowline/[\\w/$]+)[;<]");

    @ParameterizedTest
    @ValueSource(strings = {"checkpoint", "files", "safetensors", "statedict"})
    void noClassReachesItself(String name) throws IOException {
        Map<String, Set<String>> uses = uses(CLASSES.resolve("dev/bowline").resolve(name));

        Set<String> circular = new TreeSet<>();
        for (String each : uses.keySet()) {
            Set<String> reached = new TreeSet<>();
            uses.get(each).forEach(next -> reach(next, uses, reached));
            if (reached.contains(each)) {
                circular.add(each);
            }
        }

        assertEquals(Set.of(), circular);
    }

    private static void reach(String name, Map<String, Set<String>> uses, Set<String> reached) {
        if (reached.add(name)) {
            uses.getOrDefault(name, Set.of()).forEach(next -> reach(next, uses, reached));
        }
    }

    /// The other top-level classes of the package that each one uses, with its nested classes.
    private static Map<String, Set<String>> uses(Path folder) throws IOException {
        Map<String, Set<String>> uses = new TreeMap<>();
        for (Path file : classFiles(folder)) {
            uses.putIfAbsent(topLevel(String.valueOf(file.getFileName())), new TreeSet<>());
        }
        String prefix = CLASSES.relativize(folder).toString().replace('\\', '/') + "/";
        for (Path file : classFiles(folder)) {
            String user = topLevel(String.valueOf(file.getFileName()));
            for (String used : names(file)) {
                if (used.startsWith(prefix)) {
                    String target = topLevel(used.substring(prefix.length()));
                    if (uses.containsKey(target) && !target.equals(user)) {
                        uses.computeIfAbsent(user, _ -> new TreeSet<>()).add(target);
                    }
                }
            }
        }
        return uses;
    }

    private static List<Path> classFiles(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(path -> path.toString().endsWith(".class"))
                    .filter(path -> !path.endsWith("package-info.class"))
                    .toList();
        }
    }

    private static Set<String> names(Path file) throws IOException {
        Set<String> names = new TreeSet<>();
        for (PoolEntry entry : ClassFile.of().parse(file).constantPool()) {
            switch (entry) {
                case ClassEntry used -> names.add(used.asInternalName());
                case Utf8Entry text -> {
                    Matcher types = DESCRIBED.matcher(text.stringValue());
                    while (types.find()) {
                        names.add(types.group(1));
                    }
                }
                default -> {}
            }
        }
        return names;
    }

    private static String topLevel(String name) {
        return name.replaceAll("[$.].*", "");
    }
}
