package dev.bowline.report;

import dev.bowline.recipe.EffectiveSettings;
import dev.bowline.recipe.EffectiveSettings.Setting;
import dev.bowline.recipe.Origin;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;

/// The settings of a recipe in three columns: key, value, origin. Lines have at most 100 columns unless one word is
/// longer.
public final class SettingsText implements TextRenderer<EffectiveSettings> {

    private static final int WIDTH = 100;

    /// A longer value moves its origin to the next line.
    private static final int LONGEST_VALUE = 12;

    private static final String GAP = "  ";

    private final Path recipe;
    private final Function<Origin, String> spelling;

    /// @param recipe the file whose name stands for its path in origins
    /// @param spelling of the other origins
    public SettingsText(Path recipe, Function<Origin, String> spelling) {
        this.recipe = recipe;
        this.spelling = spelling;
    }

    @Override
    public String text(EffectiveSettings settings) {
        List<Setting> rows = settings.rows();
        int keys = rows.stream().mapToInt(row -> row.key().length()).max().orElse(0);
        int values = rows.stream()
                .mapToInt(row -> shown(row).length())
                .filter(length -> length <= LONGEST_VALUE)
                .max()
                .orElse(0);
        String indent = " ".repeat(keys + values + 2 * GAP.length());
        StringBuilder text = new StringBuilder();
        for (Setting row : rows) {
            String value = shown(row);
            text.append(padded(row.key(), keys)).append(GAP);
            text.append(value.length() <= values ? padded(value, values) + GAP : value + "\n" + indent);
            String origin = Wrapping.lines(origin(row.origin()), WIDTH - indent.length(), "");
            text.append(origin.replace("\n", "\n" + indent)).append('\n');
        }
        return text.toString();
    }

    private String origin(Origin origin) {
        return switch (origin) {
            case Origin.InFile(Path file, int line, int column)
            when file.toAbsolutePath().normalize().equals(recipe) ->
                "%s:%d:%d".formatted(file.getFileName(), line, column);
            case Origin.InFile _, Origin.OnFlag _, Origin.InProgram _, Origin.Default _, Origin.AutoModelDefault _ ->
                spelling.apply(origin);
        };
    }

    private static String shown(Setting setting) {
        return setting.value().orElse("-");
    }

    private static String padded(String text, int width) {
        return text + " ".repeat(width - text.length());
    }
}
