package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.StringEntry;
import java.lang.classfile.instruction.InvokeInstruction;
import java.net.URI;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/// Messages are for people: no code decides by the text of a message, and no text of the library names a command line.
class MessageTextTest {

    /// The methods that return text for people, with the end of their owner's name.
    private static final Map<String, Set<String>> TEXT = Map.of(
            "getMessage", Set.of("Exception", "Throwable", "Error"),
            "getLocalizedMessage", Set.of("Exception", "Throwable", "Error"),
            "problem", Set.of("Exception", "ContainerProblem", "Unreadable", "$Problem"),
            "fix", Set.of("Exception"),
            "text", Set.of("dev/bowline/Fix"),
            "what", Set.of("Finding"),
            "why", Set.of("ConsumerView"),
            "verdict", Set.of("TieAudit"));

    /// The methods that search or compare text.
    private static final Set<String> SEARCHES = Set.of(
            "contains",
            "startsWith",
            "endsWith",
            "matches",
            "indexOf",
            "lastIndexOf",
            "equalsIgnoreCase",
            "regionMatches",
            "replaceFirst",
            "matcher");

    /// libtorch throws one class of C++ exceptions with a text; `NativeErrors` alone reads the text.
    private static final Set<String> READS_NATIVE_TEXT = Set.of("dev/bowline/tensor/NativeErrors");

    /// The file that a repair leaves behind names its maker.
    private static final String MAKER = "bowline repair";

    @Test
    void noMethodSearchesAMessage() throws IOException, ClassNotFoundException {
        Set<String> violations = new TreeSet<>();
        for (ClassModel model : all()) {
            String name = model.thisClass().asInternalName();
            for (MethodModel method : model.methods()) {
                if (!READS_NATIVE_TEXT.contains(name) && reads(method) && searches(method)) {
                    violations.add(name + "." + method.methodName().stringValue());
                }
            }
        }
        assertEquals(Set.of(), violations);
    }

    @Test
    void theExceptionIsUsed() throws IOException, ClassNotFoundException {
        assertTrue(library().stream()
                .filter(model -> READS_NATIVE_TEXT.contains(model.thisClass().asInternalName()))
                .flatMap(model -> model.methods().stream())
                .anyMatch(method -> reads(method) && searches(method)));
    }

    @Test
    void noTextOfTheLibraryNamesACommandOrAnOption() throws IOException, ClassNotFoundException {
        Pattern commandLine = commandLine();
        assertTrue(commandLine.matcher("see bowline audit").find());
        assertTrue(commandLine.matcher("say --keep head").find());
        Set<String> violations = new TreeSet<>();
        for (ClassModel model : library()) {
            for (PoolEntry entry : model.constantPool()) {
                if (entry instanceof StringEntry text
                        && commandLine.matcher(text.stringValue()).find()
                        && !text.stringValue().equals(MAKER)) {
                    violations.add(model.thisClass().asInternalName() + ": " + text.stringValue());
                }
            }
        }
        assertEquals(Set.of(), violations);
    }

    /// The commands of this program after its name, and the options of all its commands.
    private static Pattern commandLine() {
        Console console = Console.of(new StringReader(""), new StringWriter(), new StringWriter());
        CommandLine line = CommandTree.commandLine(console);
        Set<String> options = new TreeSet<>();
        line.getSubcommands()
                .values()
                .forEach(command ->
                        command.getCommandSpec().options().forEach(option -> options.add(option.longestName())));
        return Pattern.compile("\\bbowline (%s|%%)|(%s)\\b"
                .formatted(String.join("|", line.getSubcommands().keySet()), String.join("|", options)));
    }

    private static boolean reads(MethodModel method) {
        return calls(method)
                .anyMatch(call -> TEXT.getOrDefault(call.name().stringValue(), Set.of()).stream()
                        .anyMatch(call.owner().asInternalName()::endsWith));
    }

    private static boolean searches(MethodModel method) {
        return calls(method).anyMatch(call -> {
            String owner = call.owner().asInternalName();
            boolean isText = owner.equals("java/lang/String") || owner.equals("java/util/regex/Pattern");
            String name = call.name().stringValue();
            return isText && (SEARCHES.contains(name) || name.equals("equals"));
        });
    }

    private static Stream<InvokeInstruction> calls(MethodModel method) {
        return method.code().stream()
                .flatMap(code -> code.elementStream())
                .filter(InvokeInstruction.class::isInstance)
                .map(InvokeInstruction.class::cast);
    }

    private static List<ClassModel> all() throws IOException, ClassNotFoundException {
        List<ClassModel> classes = new ArrayList<>(library());
        classes.addAll(classes(Bowline.class));
        return classes;
    }

    private static List<ClassModel> library() throws IOException, ClassNotFoundException {
        List<ClassModel> classes = new ArrayList<>(classes(BowlineException.class));
        classes.addAll(classes(Class.forName("dev.bowline.formats.CsvFormat")));
        return classes;
    }

    /// The classes of the directory or the jar that `member` comes from.
    private static List<ClassModel> classes(Class<?> member) throws IOException {
        Path place = Path.of(URI.create(member.getProtectionDomain()
                        .getCodeSource()
                        .getLocation()
                        .toString()))
                .toRealPath();
        if (Files.isDirectory(place)) {
            return classes(place);
        }
        try (FileSystem jar = FileSystems.newFileSystem(place)) {
            return classes(jar.getPath("/"));
        }
    }

    private static List<ClassModel> classes(Path root) throws IOException {
        List<ClassModel> models = new ArrayList<>();
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file :
                    files.filter(path -> path.toString().endsWith(".class")).toList()) {
                models.add(ClassFile.of().parse(file));
            }
        }
        return models;
    }
}
