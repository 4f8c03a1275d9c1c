package dev.bowline.cli;

import dev.bowline.distributed.Node;
import dev.bowline.distributed.Rendezvous;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.memory.MemoryReport;
import dev.bowline.recipe.DistributedSection;
import dev.bowline.recipe.EffectiveSettings;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.report.AdapterJson;
import dev.bowline.report.AdapterText;
import dev.bowline.report.ExampleJson;
import dev.bowline.report.ExampleText;
import dev.bowline.report.MemoryJson;
import dev.bowline.report.MemoryText;
import dev.bowline.report.RanksJson;
import dev.bowline.report.RanksText;
import dev.bowline.report.SettingsText;
import dev.bowline.train.RecipeAdapter;
import dev.bowline.train.RecipeMemory;
import dev.bowline.train.RecipePreview;
import dev.bowline.train.RecipeRanks;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@CommandLine.Command(
        name = "explain",
        description = {
            "Checks a recipe and shows every setting with its origin.",
            "Lists the modules that an adapter (peft) changes, and the number of values that it trains.",
            "With --nproc, or as a rank of a launcher, also shows the share of each rank and the bytes that it sends.",
            "Also estimates the memory of the run from config.json and the headers of the weights, tokenises the"
                    + " first examples as for training, and marks the trained tokens of the first one. Reads no weights"
                    + " and trains nothing. Exits with 1 if the recipe, the model or the data has an error."
        },
        footer = {
            "  bowline explain recipe.yaml",
            "  bowline explain recipe.yaml --set optimizer.lr=1e-4",
            "  bowline explain recipe.yaml --yaml > everything.yaml",
            "  bowline explain recipe.yaml --nproc 4"
        })
final class ExplainCommand extends Command {

    @Mixin
    private RecipeArguments recipe = new RecipeArguments();

    @Mixin
    private LaunchOptions launch = new LaunchOptions();

    @Option(names = "--yaml", description = "Print a recipe with every value.")
    private boolean yaml;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Override
    public Integer call() {
        RecipeFile file = recipe.load();
        EffectiveSettings settings = file.settings();
        Optional<RecipeRanks> ranks = ranks(file);
        if (json) {
            JsonObject memory = new MemoryJson().json(RecipeMemory.of(file));
            RecipePreview preview = RecipePreview.of(file);
            JsonValue example =
                    preview.example().<JsonValue>map(new ExampleJson()::json).orElseGet(JsonValue::absent);
            JsonValue adapter = RecipeAdapter.of(file)
                    .<JsonValue>map(new AdapterJson()::json)
                    .orElseGet(JsonValue::absent);
            console()
                    .print(json(settings)
                            .with("adapter", adapter)
                            .with(
                                    "ranks",
                                    ranks.<JsonValue>map(new RanksJson()::json).orElseGet(JsonValue::absent))
                            .with("memory", memory)
                            .with("example", example)
                            .with("notes", JsonArray.ofStrings(notes(file, preview))));
        } else if (yaml) {
            console().print(settings.toYaml());
            notes(file, RecipePreview.of(file)).forEach(console()::note);
        } else {
            Path source = file.recipe().source();
            console().print("Settings of %s\n\n".formatted(source));
            console().print(new SettingsText(source, Commands::text).text(settings));
            RecipeAdapter.of(file).ifPresent(adapter -> console().print("\n" + new AdapterText().text(adapter)));
            MemoryReport memory = RecipeMemory.of(file);
            ranks.ifPresent(each -> console().print("\n" + new RanksText(memory).text(each)));
            console().print("\n" + new MemoryText(Commands::typed).text(memory));
            RecipePreview preview = RecipePreview.of(file);
            preview.example().ifPresent(example -> console().print("\n" + new ExampleText().text(example)));
            notes(file, preview).forEach(console()::note);
        }
        return ExitCode.SUCCESS;
    }

    /// The ranks that options or a launcher declare; one, if the recipe has the sums of a world of one rank.
    private Optional<RecipeRanks> ranks(RecipeFile file) {
        return switch (launch.launch(System.getenv())) {
            case Launch.OfNode(Node node) -> Optional.of(RecipeRanks.of(file, node.worldSize(), node.processes()));
            case Launch.OfRank(Rendezvous place) ->
                Optional.of(RecipeRanks.of(file, place.worldSize(), LaunchOptions.localWorldSize(System.getenv())));
            case Launch.Alone _ ->
                file.recipe()
                        .distributed()
                        .filter(DistributedSection::holdsForOneProcess)
                        .map(_ -> RecipeRanks.of(file, 1, 1));
        };
    }

    /// The notes on AutoModel's keys, then the notes that a run would print about the data.
    private static List<String> notes(RecipeFile file, RecipePreview preview) {
        return Stream.concat(
                        file.notes().stream().map(note -> Commands.text(note.at()) + ": " + note.text()),
                        preview.notes().stream())
                .toList();
    }

    private static JsonObject json(EffectiveSettings settings) {
        List<JsonObject> rows = new ArrayList<>();
        for (EffectiveSettings.Setting setting : settings.settings()) {
            JsonValue value =
                    setting.value().isPresent() ? JsonValue.of(setting.value().get()) : JsonValue.absent();
            rows.add(JsonObject.of()
                    .with("key", setting.key())
                    .with("value", value)
                    .with("from", Commands.text(setting.origin())));
        }
        return JsonObject.of().with("settings", JsonValue.of(rows));
    }
}
