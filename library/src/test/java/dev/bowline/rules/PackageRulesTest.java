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

    /// What each package may use, lowest first. A package that is not listed fails.
    private static final Map<String, Set<String>> MAY_USE = Map.ofEntries(
            may("", ""),
            may("json", ""),
            may("natives", ""),
            may("files", "", "json"),
            may("safetensors", "", "json", "files"),
            may("platform"),
            may("tensor", "", "natives", "platform"),
            may("statedict", "", "json"),
            may("nn", "", "platform", "tensor"),
            may("ties", "", "json"),
            may("model", "", "json", "tensor", "statedict", "nn", "ties"),
            may("model.decoder", "", "json", "tensor", "statedict", "nn", "ties", "model"),
            may(
                    "checkpoint",
                    "",
                    "json",
                    "files",
                    "platform",
                    "safetensors",
                    "tensor",
                    "statedict",
                    "nn",
                    "ties",
                    "model"),
            may("audit", "", "json", "files", "safetensors", "ties"),
            may("text.jinja", "", "json"),
            may("text", "", "json", "natives", "text.jinja"),
            may("data", "", "json", "tensor", "text"),
            may("loss", "", "tensor", "nn"),
            may("optim", "", "tensor", "nn"),
            may(
                    "catalog",
                    "",
                    "json",
                    "platform",
                    "safetensors",
                    "tensor",
                    "statedict",
                    "nn",
                    "ties",
                    "model",
                    "model.decoder",
                    "model.*",
                    "checkpoint",
                    "audit",
                    "text"),
            may("generate", "", "json", "tensor", "nn", "model", "text"),
            may("recipe", "", "json"),
            may(
                    "train",
                    "",
                    "json",
                    "files",
                    "platform",
                    "tensor",
                    "statedict",
                    "nn",
                    "ties",
                    "model",
                    "checkpoint",
                    "catalog",
                    "text",
                    "data",
                    "loss",
                    "optim",
                    "recipe"),
            may(
                    "report",
                    "",
                    "audit",
                    "json",
                    "safetensors",
                    "tensor",
                    "statedict",
                    "nn",
                    "ties",
                    "model",
                    "checkpoint",
                    "train"));

    /// Where libtorch's free functions may be called.
    private static final Set<String> MAY_CALL_TORCH =
            Set.of("tensor", "nn", "loss", "optim", "distributed", "model.gemma4");

    /// What every other package below `model` may use: a family is a room of its own, and never uses another.
    private static final Set<String> A_FAMILY_MAY_USE =
            Set.of("", "json", "tensor", "statedict", "nn", "ties", "model", "model.decoder");

    private static final Pattern DESCRIBED = Pattern.compile("L(dev/bowline/[\\w/$]+);");

    private static Map.Entry<String, Set<String>> may(String user, String... used) {
        return Map.entry(user, Set.of(used));
    }

    @Test
    void everyPackageUsesOnlyWhatTheTableAllows() throws IOException {
        Set<String> violations = new TreeSet<>();
        for (Path file : classFiles()) {
            String user = packageOf(CLASSES.relativize(file).toString());
            Set<String> allowed = MAY_USE.getOrDefault(user, isFamily(user) ? A_FAMILY_MAY_USE : null);
            assertTrue(allowed != null, "package '%s' is not in the table".formatted(user));
            for (String target : packagesUsedBy(file)) {
                if (!target.equals(user)
                        && !allowed.contains(target)
                        && !(isFamily(target) && allowed.contains("model.*"))) {
                    violations.add("'%s' uses '%s'".formatted(user, target));
                }
            }
        }
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

    @Test
    void everyPackageHasARowInTheArchitecturePage() throws IOException {
        String page = Files.readString(Path.of("..", "docs", "architecture.md"));
        for (String name : packages()) {
            String row = name.isEmpty() ? "| (root) |" : "| `%s` |".formatted(name);
            assertTrue(page.contains(row), "docs/architecture.md has no row for " + row);
        }
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
        try (Stream<Path> files = Files.walk(CLASSES)) {
            return files.filter(path -> path.toString().endsWith(".class")).toList();
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
