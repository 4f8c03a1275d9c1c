package dev.bowline.cli;

import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.recipe.EffectiveSettings;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@CommandLine.Command(
        name = "explain",
        description = {
            "Checks a recipe, and shows every setting and who decided it.",
            "Nothing is loaded or trained. Exits with 1, and says where in the file, if the recipe is wrong."
        },
        footer = {
            "  bowline explain recipe.yaml",
            "  bowline explain recipe.yaml --set optimizer.lr=1e-4",
            "  bowline explain recipe.yaml --yaml > everything.yaml"
        })
final class ExplainCommand extends Command {

    @Mixin
    private RecipeArguments recipe = new RecipeArguments();

    @Option(names = "--yaml", description = "Print a recipe that spells out every value.")
    private boolean yaml;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Override
    public Integer call() {
        EffectiveSettings settings = recipe.load().settings();
        if (json) {
            console().print(json(settings));
        } else {
            console().print(yaml ? settings.toYaml() : settings.toText());
        }
        return ExitCode.SUCCESS;
    }

    private static JsonObject json(EffectiveSettings settings) {
        List<JsonObject> rows = new ArrayList<>();
        for (EffectiveSettings.Setting setting : settings.settings()) {
            JsonValue value =
                    setting.value().isPresent() ? JsonValue.of(setting.value().get()) : JsonValue.absent();
            rows.add(JsonObject.of()
                    .with("key", setting.key())
                    .with("value", value)
                    .with("from", setting.origin().toString()));
        }
        return JsonObject.of().with("settings", JsonValue.of(rows));
    }
}
