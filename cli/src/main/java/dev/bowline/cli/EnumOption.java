package dev.bowline.cli;

import java.util.List;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// The constants of an enum as options take them: in small letters, whatever case is typed.
final class EnumOption<E extends Enum<E>> implements ITypeConverter<E> {

    private final List<E> constants;

    private EnumOption(Class<E> type) {
        constants = List.of(type.getEnumConstants());
    }

    /// For every enum that an option of the command takes; an option's own converter comes first.
    static void register(CommandLine line) {
        line.getCommandSpec().args().stream()
                .map(CommandLine.Model.ArgSpec::type)
                .filter(Class::isEnum)
                .forEach(type -> register(line, type));
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static void register(CommandLine line, Class<?> type) {
        line.registerConverter((Class) type, new EnumOption(type));
    }

    @Override
    public E convert(String value) {
        return constants.stream()
                .filter(constant -> word(constant).equals(value.toLowerCase(Locale.ROOT)))
                .findFirst()
                .orElseThrow(() -> new TypeConversionException("'%s' is not %s".formatted(value, words())));
    }

    /// `low, medium or high`.
    private String words() {
        List<String> words = constants.stream().map(EnumOption::word).toList();
        int last = words.size() - 1;
        return last == 0 ? words.getFirst() : String.join(", ", words.subList(0, last)) + " or " + words.get(last);
    }

    private static String word(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }
}
