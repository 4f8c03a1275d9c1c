package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.generate.GenerationSettings;
import dev.bowline.generate.TextGeneration;
import dev.bowline.json.JsonObject;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.report.LearningText;
import dev.bowline.report.Quantity;
import dev.bowline.report.RunJson;
import dev.bowline.report.Table;
import dev.bowline.report.TieLedgerJson;
import dev.bowline.report.TieLedgerText;
import dev.bowline.tensor.Dtype;
import dev.bowline.text.ChatTemplate;
import dev.bowline.text.Conversation;
import dev.bowline.text.Tokenizer;
import dev.bowline.ties.TieLedger;
import dev.bowline.train.RunReport;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

@CommandLine.Command(
        name = "demo",
        description = {
            "Fine-tunes a tiny model that ships with Bowline.",
            "Teaches a Gemma 4 mixture-of-experts model to write dates, in minutes on two cores: asks held-out"
                    + " questions, fine-tunes and saves the model, loads the saved model, and asks the same questions"
                    + " again. Downloads nothing.",
            "--lora trains a LoRA adapter on the frozen model, on a part of the questions, in a shorter time."
        },
        footer = {"  bowline demo", "  bowline demo --lora", "  bowline demo --dir dates --json"})
final class DemoCommand extends Command {

    private static final double WANTED = 0.9;
    private static final int SHOWN = 4;

    /// The number of held-out questions to ask, from the first; each is asked twice, so all would take long.
    private static final int ASKED = 100;

    @Option(
            names = "--dir",
            paramLabel = "DIR",
            description = "Directory for model, data and checkpoints. Default: bowline-demo; with --lora,"
                    + " bowline-demo-lora.")
    private @Nullable Path given;

    @Option(names = "--lora", description = "Train a LoRA adapter in place of the weights.")
    private boolean lora;

    @Option(names = "--json", description = "Print the outcome as JSON.")
    private boolean json;

    /// @param answers one for each question
    /// @param ties as the model was loaded
    private record Exam(List<String> answers, long right, TieLedger ties) {

        double accuracy() {
            return (double) right / answers.size();
        }
    }

    @Override
    public Integer call() {
        long start = System.nanoTime();
        DemoFiles files = DemoFiles.extract(directory(), lora ? DemoFiles.Trained.ADAPTER : DemoFiles.Trained.WEIGHTS);
        List<DemoFiles.Question> all = files.heldOut();
        List<DemoFiles.Question> questions = all.subList(0, Math.min(ASKED, all.size()));
        console().note("1/4  asking the model %d questions about dates".formatted(questions.size()));
        Exam before = examine(files.model(), Optional.empty(), questions);
        console().note("     %s right".formatted(Quantity.percent(before.right(), questions.size())));
        console().note("2/4  fine-tuning with %s".formatted(files.recipe()));
        RunReport run = FinetuneCommand.run(
                console(), RecipeFile.load(files.recipe(), List.of()), FinetuneCommand.Memory.REQUIRED);
        if (run.outcome() == RunReport.Outcome.STOPPED) {
            console().note("the demo was stopped; run the demo again with another --dir");
            return FinetuneCommand.stoppedBy().exitCode();
        }
        Path saved = run.checkpoint().orElseThrow();
        console().note("3/4  loading the saved %s and asking again".formatted(lora ? "adapter" : "model"));
        Exam after = lora
                ? examine(files.model(), Optional.of(saved), questions)
                : examine(saved, Optional.empty(), questions);
        console().note("4/4  done\n");
        Duration took = Duration.ofNanos(System.nanoTime() - start);
        if (json) {
            console().print(json(questions, before, after, run));
        } else {
            console().print(text(questions, before, after, run, took, saved));
        }
        if (after.accuracy() <= WANTED) {
            throw new BowlineException(
                    "%s of the held-out questions were answered right, 90 %% are expected"
                            .formatted(Quantity.percent(after.right(), questions.size())),
                    "this is a bug; report it with the output above");
        }
        return ExitCode.SUCCESS;
    }

    /// Generates in float32, the dtype of the training: on some processors bfloat16 takes longer.
    private static Exam examine(Path checkpoint, Optional<Path> adapter, List<DemoFiles.Question> questions) {
        try (Tokenizer tokenizer = Tokenizer.open(checkpoint);
                Pretrained pretrained = AutoModel.fromPretrained(
                        checkpoint, AutoModel.Options.asStored().in(Dtype.FLOAT32))) {
            List<NamedAdapter> adapters = adapter.map(NamedAdapter::of).stream().toList();
            new AdapterOptions.Chosen(checkpoint, adapters).attach(pretrained);
            return examine(pretrained, tokenizer, questions);
        }
    }

    private static Exam examine(Pretrained pretrained, Tokenizer tokenizer, List<DemoFiles.Question> questions) {
        List<String> answers = new ArrayList<>();
        long right = 0;
        try (TextGeneration generation = new TextGeneration(pretrained.model(), tokenizer)) {
            ChatTemplate template = ChatTemplate.of(tokenizer);
            GenerationSettings settings = GenerationSettings.of(
                    pretrained.model().config(), pretrained.checkpoint().generationConfig());
            for (DemoFiles.Question question : questions) {
                Conversation asked = Conversation.of(List.of(Conversation.message("user", question.question())));
                String answer = generation
                        .answer(template, asked, settings, _ -> {})
                        .text()
                        .strip();
                answers.add(answer);
                right += answer.equals(question.answer()) ? 1 : 0;
            }
            return new Exam(answers, right, pretrained.report().ledger());
        }
    }

    private String text(
            List<DemoFiles.Question> questions, Exam before, Exam after, RunReport run, Duration took, Path saved) {
        Table samples = new Table(Table.Side.LEFT, Table.Side.LEFT, Table.Side.LEFT);
        samples.row("question", "before", "after");
        for (int i = 0; i < Math.min(SHOWN, questions.size()); i++) {
            samples.row(
                    questions.get(i).question(),
                    shortened(before.answers().get(i)),
                    shortened(after.answers().get(i)));
        }
        String accuracy = new Table(Table.Side.LEFT, Table.Side.RIGHT, Table.Side.LEFT)
                .row("before", Quantity.percent(before.right(), questions.size()), counted(before))
                .row("after", Quantity.percent(after.right(), questions.size()), counted(after))
                .text();
        return "Correct answers to held-out questions\n" + accuracy
                + "\n" + samples.text()
                + "\n" + new LearningText().text(run) + new TieLedgerText().text(run.ties())
                + "\nDone in " + Quantity.duration(took) + ". Next commands\n" + hints(saved);
    }

    private Path directory() {
        return given == null ? Path.of(lora ? "bowline-demo-lora" : "bowline-demo") : given;
    }

    /// Commands to paste.
    private String hints(Path saved) {
        String bowline = "  " + Launcher.quoted(Launcher.name());
        if (lora) {
            return AdapterCommands.of(directory().resolve("model"), saved);
        }
        Path directory = directory();
        String checkpoint = Launcher.quoted(saved.toString());
        String recipe = Launcher.quoted(directory.resolve("recipe.yaml").toString());
        String again = Launcher.quoted("checkpoint.checkpoint_dir=" + directory.resolve("again"));
        return bowline + " generate " + checkpoint + " \\\n      --prompt 'ISO date for 4 July 2059?'\n"
                + bowline + " generate " + checkpoint + " --chat\n"
                + bowline + " inspect " + checkpoint + "\n"
                + bowline + " explain " + recipe + "\n"
                + bowline + " finetune " + recipe + " --set seed=7 \\\n      --set " + again + "\n";
    }

    private static String counted(Exam exam) {
        return "%d of %d".formatted(exam.right(), exam.answers().size());
    }

    private static String shortened(String answer) {
        String line = answer.replace('\n', ' ');
        return line.length() > 18 ? line.substring(0, 17) + "…" : line;
    }

    private static JsonObject json(List<DemoFiles.Question> questions, Exam before, Exam after, RunReport run) {
        return JsonObject.of()
                .with("questions", questions.size())
                .with("accuracy_before", before.accuracy())
                .with("accuracy_after", after.accuracy())
                .with("ties_reloaded", new TieLedgerJson().json(after.ties()))
                .with("run", new RunJson().json(run));
    }
}
