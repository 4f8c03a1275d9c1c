package dev.bowline.cli;

import dev.bowline.data.check.DataSeverity;
import dev.bowline.report.DataHtml;
import dev.bowline.report.DataJson;
import dev.bowline.report.DataText;
import dev.bowline.report.ExampleText;
import dev.bowline.train.RecipeDataCheck;
import dev.bowline.train.TokenizedExample;
import dev.bowline.train.TokenizedExample.Use;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

@CommandLine.Command(
        name = "data",
        description = {
            "Examines the data of a recipe before a run.",
            "Reads every row as finetune does and lists all problems, each with file and line: rows that a run"
                    + " refuses, truncated answers, answers that do not end, duplicates within the training data and"
                    + " in the validation data, fields that are not read. Shows lengths, tokens and the share of"
                    + " padding. Exit codes: 0 clean, 1 low or medium, 2 high; 1 as well if the data cannot be found."
        },
        footer = {
            "  bowline data recipe.yaml",
            "  bowline data recipe.yaml --show 5 --html data.html",
            "  bowline data recipe.yaml --fail-on high        in CI"
        })
final class DataCommand extends Command {

    @Mixin
    private RecipeArguments recipe = new RecipeArguments();

    @Option(
            names = "--show",
            paramLabel = "N",
            description = "Show the first N examples with the trained tokens marked; 1 by default.")
    private int show = 1;

    @Option(names = "--html", paramLabel = "FILE", description = "Also write the report as one HTML page.")
    private @Nullable Path html;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Option(
            names = "--fail-on",
            paramLabel = "LEVEL",
            description = "Exit with 0 if all findings are below this severity: low, medium or high.")
    private DataSeverity failOn = DataSeverity.LOW;

    @CommandLine.Spec
    private @Nullable CommandSpec spec;

    @Override
    public Integer call() {
        if (show < 0) {
            throw new CommandLine.ParameterException(
                    Objects.requireNonNull(spec).commandLine(),
                    "--show %d: expected a number of examples, 0 or more".formatted(show));
        }
        RecipeDataCheck check = RecipeDataCheck.of(recipe.load(), show);
        Optional.ofNullable(html).ifPresent(file -> HtmlFile.write(file, new DataHtml(Commands::named).html(check)));
        if (json) {
            console().print(new DataJson(Commands::named).json(check));
        } else {
            console().print(new DataText(Commands::typed).text(check));
            check.examples().forEach(this::print);
        }
        return check.worst()
                .filter(worst -> worst.isAtLeast(failOn))
                .map(DataSeverity::exitCode)
                .orElse(ExitCode.SUCCESS);
    }

    private void print(TokenizedExample example) {
        console().print("\n");
        for (ExampleText.Part part : new ExampleText().parts(example)) {
            if (part.use().filter(use -> use == Use.TRAINED).isPresent()) {
                console().printTrained(part.text());
            } else {
                console().print(part.text());
            }
        }
    }
}
