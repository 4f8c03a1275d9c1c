package dev.bowline.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.constantpool.MethodRefEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.Utf8Entry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// The package table in docs/architecture.md, as a rule over the compiled classes.
class PackageRulesTest {

    private static final Path CLASSES = Path.of("target", "classes");
    private static final String ROOT = "dev.bowline";

    /// The page whose table grants packages to packages.
    private static final Path PAGE = Path.of("..", "docs", "architecture.md");

    /// A row of the table: package, responsibility, granted packages.
    private static final Pattern ROW = Pattern.compile("\\| (\\(root\\)|`[\\w.]+`) \\|.*\\| ([^|]+) \\|");

    /// The packages of model families, as one grant.
    private static final String FAMILIES = "model.*";

    /// Where libtorch's free functions may be called.
    private static final Set<String> MAY_CALL_TORCH =
            Set.of("tensor", "nn", "loss", "optim", "distributed", "model.decoder");

    private static final Pattern DESCRIBED = Pattern.compile("L(dev/bowline/[\\w/$]+);");

    @Test
    void everyPackageUsesOnlyWhatTheTableAllows() throws IOException {
        Map<String, Set<String>> table = table();
        Set<String> violations = new TreeSet<>();
        for (Path file : classFiles()) {
            String user = packageOf(CLASSES.relativize(file).toString());
            Set<String> allowed = table.get(user);
            assertTrue(allowed != null, "docs/architecture.md has no row for package '%s'".formatted(user));
            for (String target : packagesUsedBy(file)) {
                if (!target.equals(user)
                        && !allowed.contains(target)
                        && !(isFamily(target) && allowed.contains(FAMILIES))) {
                    violations.add("'%s' uses '%s'".formatted(user, target));
                }
            }
        }
        assertEquals(Set.of(), violations);
    }

    @Test
    void theTableListsExistingPackagesAndNoOthers() throws IOException {
        assertEquals(packages(), new TreeSet<>(table().keySet()));
    }

    @Test
    void aPackageUsesOnlyRowsAboveIt() throws IOException {
        Set<String> above = new HashSet<>(Set.of(FAMILIES));
        Set<String> violations = new TreeSet<>();
        table().forEach((user, granted) -> {
            granted.stream()
                    .filter(target -> !above.contains(target))
                    .forEach(target -> violations.add("'%s' is granted '%s'".formatted(user, target)));
            above.add(user);
        });
        assertEquals(Set.of(), violations);
    }

    @Test
    void freeFunctionsOfLibtorchAreCalledInFewPackages() throws IOException {
        Set<String> violations = new TreeSet<>();
        for (Path file : classFiles()) {
            String user = packageOf(CLASSES.relativize(file).toString());
            for (PoolEntry entry : ClassFile.of().parse(file).constantPool()) {
                if (entry instanceof MethodRefEntry called
                        && called.owner().asInternalName().equals("org/bytedeco/pytorch/global/torch")
                        && !MAY_CALL_TORCH.contains(user)) {
                    violations.add(user);
                }
            }
        }
        assertEquals(Set.of(), violations);
    }

    /// Gemma 4 has a benchmark of its own.
    @Test
    void everyFamilyIsTimedInBothDtypes() throws IOException {
        String script = Files.readString(Path.of("..", "bench", "families.sh"));
        String page = Files.readString(Path.of("..", "docs", "performance-families.md"));
        for (String name : packages()) {
            if (isFamily(name) && !name.equals("model.gemma4")) {
                String family = name.substring("model.".length());
                assertTrue(script.contains(" " + family), "bench/families.sh does not time " + family);
                for (String dtype : List.of("float32", "bfloat16")) {
                    String row = "| %s | %s |".formatted(family, dtype);
                    assertTrue(page.contains(row), "docs/performance-families.md has no row for " + row);
                }
            }
        }
    }

    /// Granted packages by package, in the order of the table. `–` grants nothing, `as x` grants the packages that `x`
    /// is granted.
    private static Map<String, Set<String>> table() throws IOException {
        Map<String, Set<String>> table = new LinkedHashMap<>();
        for (String line : Files.readAllLines(PAGE)) {
            Matcher row = ROW.matcher(line);
            if (!row.matches()) {
                continue;
            }
            Set<String> granted = new TreeSet<>();
            for (String grant : row.group(2).split(", ")) {
                switch (grant) {
                    case "–" -> {}
                    case "root" -> granted.add("");
                    default -> {
                        if (grant.startsWith("as ")) {
                            granted.addAll(table.get(grant.substring("as ".length())));
                        } else {
                            granted.add(grant);
                        }
                    }
                }
            }
            table.put(row.group(1).replaceAll("[`()]", "").replaceFirst("^root$", ""), granted);
        }
        return table;
    }

    private static Set<String> packages() throws IOException {
        Set<String> packages = new TreeSet<>();
        for (Path file : classFiles()) {
            packages.add(packageOf(CLASSES.relativize(file).toString()));
        }
        return packages;
    }

    private static boolean isFamily(String name) {
        return name.startsWith("model.") && !name.equals("model.decoder");
    }

    private static List<Path> classFiles() throws IOException {
        Path classes = CLASSES.toRealPath(); // a walk does not follow a link at its start
        try (Stream<Path> files = Files.walk(classes)) {
            return files.filter(path -> path.toString().endsWith(".class"))
                    .map(path -> CLASSES.resolve(classes.relativize(path)))
                    .toList();
        }
    }

    /// By class entries and by the types that descriptors and signatures name.
    private static Set<String> packagesUsedBy(Path file) throws IOException {
        Set<String> packages = new HashSet<>();
        for (PoolEntry entry : ClassFile.of().parse(file).constantPool()) {
            switch (entry) {
                case ClassEntry used
                when used.asInternalName().startsWith("dev/bowline/") -> packages.add(packageOf(used.asInternalName()));
                case Utf8Entry text -> {
                    Matcher types = DESCRIBED.matcher(text.stringValue());
                    while (types.find()) {
                        packages.add(packageOf(types.group(1)));
                    }
                }
                default -> {}
            }
        }
        return packages;
    }

    /// Below the root, with dots: `model.gemma4`.
    private static String packageOf(String internalName) {
        String dotted = internalName.replace('/', '.').replace('\\', '.').replaceAll("\\.class$", "");
        String inPackage = dotted.substring(0, dotted.lastIndexOf('.'));
        return inPackage.equals(ROOT) ? "" : inPackage.substring(ROOT.length() + 1);
    }
}
