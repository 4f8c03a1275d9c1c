package dev.bowline.rules;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.FieldModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.attribute.InnerClassInfo;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.Utf8Entry;
import java.lang.reflect.AccessFlag;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The compiled top-level types of the library and the types in their public signatures.
///
/// Public and protected members of a type and of its accessible nested types count, with type arguments, exceptions,
/// supertypes and permitted subtypes.
final class CompiledTypes {

    private static final Pattern TYPE = Pattern.compile("L?(dev/bowline/[\\w/$]+)");

    private final Map<String, List<ClassModel>> byTopLevel = new HashMap<>();
    private final Map<String, Boolean> access = new HashMap<>();

    CompiledTypes(Path directory) {
        try (Stream<Path> files = Files.walk(directory.toRealPath())) {
            for (Path file :
                    files.filter(path -> path.toString().endsWith(".class")).toList()) {
                ClassModel type = ClassFile.of().parse(file);
                String name = type.thisClass().asInternalName();
                if (!name.endsWith("package-info")) {
                    byTopLevel
                            .computeIfAbsent(topLevel(name), _ -> new ArrayList<>())
                            .add(type);
                    access.put(name, isAccessible(type));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Set<String> publicTypes() {
        Set<String> types = new TreeSet<>(byTopLevel.keySet());
        types.removeIf(type -> !isPublic(type));
        return types;
    }

    boolean isPublic(String type) {
        return access.getOrDefault(type.replace('.', '/'), false);
    }

    Set<String> reachableFrom(Set<String> entryPoints) {
        Set<String> reached = new TreeSet<>();
        Deque<String> open = new ArrayDeque<>(entryPoints);
        while (!open.isEmpty()) {
            String type = open.pop();
            if (reached.add(type)) {
                exposedBy(type).stream().filter(this::isPublic).forEach(open::add);
            }
        }
        return reached;
    }

    /// The top-level types in public signatures of a top-level type, without the type itself.
    Set<String> exposedBy(String type) {
        Set<String> exposed = new TreeSet<>();
        for (ClassModel part : byTopLevel.getOrDefault(type, List.of())) {
            if (access.getOrDefault(part.thisClass().asInternalName(), false)) {
                signatures(part, text -> {
                    Matcher found = TYPE.matcher(text);
                    while (found.find()) {
                        exposed.add(topLevel(found.group(1)));
                    }
                });
            }
        }
        exposed.remove(type);
        return exposed;
    }

    Set<String> usedByOtherPackages() {
        Set<String> used = new HashSet<>();
        byTopLevel.forEach((user, parts) -> {
            for (ClassModel part : parts) {
                for (PoolEntry entry : part.constantPool()) {
                    String text = switch (entry) {
                        case ClassEntry type -> type.asInternalName();
                        case Utf8Entry string -> string.stringValue();
                        default -> "";
                    };
                    Matcher found = TYPE.matcher(text);
                    while (found.find()) {
                        String type = topLevel(found.group(1));
                        if (!packageOf(type).equals(packageOf(user))) {
                            used.add(type);
                        }
                    }
                }
            }
        });
        return used;
    }

    private static void signatures(ClassModel type, Consumer<String> signature) {
        type.superclass().ifPresent(parent -> signature.accept(parent.asInternalName()));
        type.interfaces().forEach(parent -> signature.accept(parent.asInternalName()));
        type.findAttribute(Attributes.permittedSubclasses())
                .ifPresent(permitted ->
                        permitted.permittedSubclasses().forEach(child -> signature.accept(child.asInternalName())));
        type.findAttribute(Attributes.signature())
                .ifPresent(generic -> signature.accept(generic.signature().stringValue()));
        for (MethodModel method : type.methods()) {
            if (isAccessible(method.flags().flags()) && !method.flags().has(AccessFlag.SYNTHETIC)) {
                signature.accept(method.methodType().stringValue());
                method.findAttribute(Attributes.signature())
                        .ifPresent(
                                generic -> signature.accept(generic.signature().stringValue()));
                method.findAttribute(Attributes.exceptions())
                        .ifPresent(thrown ->
                                thrown.exceptions().forEach(problem -> signature.accept(problem.asInternalName())));
            }
        }
        for (FieldModel field : type.fields()) {
            if (isAccessible(field.flags().flags()) && !field.flags().has(AccessFlag.SYNTHETIC)) {
                signature.accept(field.fieldType().stringValue());
                field.findAttribute(Attributes.signature())
                        .ifPresent(
                                generic -> signature.accept(generic.signature().stringValue()));
            }
        }
    }

    /// A nested type is accessible if it and every type around it are public or protected.
    private static boolean isAccessible(ClassModel type) {
        String name = type.thisClass().asInternalName();
        if (!name.contains("$")) {
            return type.flags().has(AccessFlag.PUBLIC);
        }
        Map<String, InnerClassInfo> nested = new HashMap<>();
        type.findAttribute(Attributes.innerClasses())
                .ifPresent(inner -> inner.classes()
                        .forEach(each -> nested.put(each.innerClass().asInternalName(), each)));
        String around = name;
        while (around.contains("$")) {
            InnerClassInfo info = nested.get(around);
            if (info == null || info.outerClass().isEmpty() || !isAccessible(info.flags())) {
                return false;
            }
            around = around.substring(0, around.lastIndexOf('$'));
        }
        return true;
    }

    private static boolean isAccessible(Set<AccessFlag> flags) {
        return flags.contains(AccessFlag.PUBLIC) || flags.contains(AccessFlag.PROTECTED);
    }

    private static String topLevel(String internalName) {
        return internalName.replaceAll("\\$.*", "").replace('/', '.');
    }

    private static String packageOf(String type) {
        return type.substring(0, type.lastIndexOf('.'));
    }
}
