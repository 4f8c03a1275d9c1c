package dev.bowline.cli;

import dev.bowline.NearestNames;
import dev.bowline.adapter.Adapters;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.generate.GenerationSettings;
import dev.bowline.generate.TextGeneration;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.tensor.CudaSupport;
import dev.bowline.tensor.DeviceChoice;
import dev.bowline.tensor.Dtype;
import dev.bowline.text.ChatTemplate;
import dev.bowline.text.Conversation;
import dev.bowline.text.Tokenizer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@CommandLine.Command(
        name = "generate",
        description = {
            "Generates text and streams it.",
            "Formats the prompt with the checkpoint's chat template; --raw sends the prompt unchanged. --chat reads"
                    + " one turn per line, from a terminal or a file. Stop tokens and defaults come from"
                    + " generation_config.json. With several adapters, each answers the prompt in turn. DIR may be an"
                    + " adapter whose base_model_name_or_path is a local directory."
        },
        footer = {
            "  bowline generate models/gemma --prompt 'Name three knots.'",
            "  bowline generate models/gemma --chat --system 'Answer in French.'",
            "  bowline generate models/gemma --prompt 'Once' --raw --seed 7",
            "  bowline generate models/gemma --adapter runs/lora/step_100 --prompt 'Why?'",
            "  bowline generate models/gemma --adapter a=lora-a --adapter b=lora-b \\",
            "      --prompt 'Why?'",
            "  bowline generate models/gemma --quantization nf4 --prompt 'Why?'",
            "  bowline generate models/gemma --chat --greedy --json < questions.txt",
            "  bowline generate models/gemma --prompt 'Why?' \\",
            "      --chat-template-kwargs '{\"enable_thinking\": true}'"
        })
final class GenerateCommand extends Command {

    @Parameters(paramLabel = "DIR", description = "A Hugging Face checkpoint directory.")
    private Path directory = Path.of("");

    @ArgGroup(exclusive = true, multiplicity = "1")
    private Asked asked = new Asked();

    /// One of the two.
    static final class Asked {
        @Option(names = "--prompt", paramLabel = "TEXT", required = true, description = "The prompt.")
        private @Nullable String prompt;

        @Option(names = "--chat", required = true, description = "Read one turn per line from standard input.")
        private boolean chat;
    }

    @Option(names = "--system", paramLabel = "TEXT", description = "The system message.")
    private @Nullable String system;

    @Mixin
    private TemplateOptions template = new TemplateOptions();

    @Option(names = "--raw", description = "Send the prompt unchanged, without a chat template.")
    private boolean raw;

    @Mixin
    private AdapterOptions adapters = new AdapterOptions();

    @Mixin
    private SamplingOptions sampling = new SamplingOptions();

    @Option(
            names = "--dtype",
            paramLabel = "DTYPE",
            converter = DtypeOption.class,
            description = "Dtype of the computation: float32 or bfloat16. Default: the dtype of the checkpoint.")
    private @Nullable Dtype dtype;

    @Option(
            names = "--device",
            paramLabel = "DEVICE",
            converter = DeviceOption.class,
            description = DeviceOption.DESCRIPTION + " Default: auto.")
    private DeviceChoice device = new DeviceChoice.Auto();

    @Mixin
    private QuantizationOption quantization = new QuantizationOption();

    @Option(names = "--json", description = "Print JSON; with --chat, one line per turn.")
    private boolean json;

    @Option(names = "--stats", description = "Print the time to load, the time per answer and tokens per second.")
    private boolean stats;

    @Spec
    private @Nullable CommandSpec spec;

    @Override
    public Integer call() {
        CommandLine line = Objects.requireNonNull(spec).commandLine();
        if (raw && (asked.chat || system != null || template.isGiven())) {
            throw new CommandLine.ParameterException(
                    line,
                    "--raw sends the prompt unchanged; it cannot be combined with --chat, --system or chat templates");
        }
        sampling.requireSound(line);
        Optional<Dtype> chosen = Optional.ofNullable(dtype);
        AutoModel.Options stored = AutoModel.Options.forInference();
        AutoModel.Options options = quantization.over(
                chosen.map(stored::in).orElse(stored).on(device.resolve(CudaSupport.ofThisProcess())));
        AdapterOptions.Chosen model = adapters.of(directory, console());
        requireOneForChat(line, model);
        Checkpoint.requireModel(model.base());
        long start = System.nanoTime();
        try (Tokenizer tokenizer = Tokenizer.open(model.base());
                Pretrained pretrained = AutoModel.fromPretrained(model.base(), options)) {
            model.attach(pretrained);
            GenerationSettings settings = sampling.over(
                    pretrained.model().config(), pretrained.checkpoint().generationConfig());
            notApplied(pretrained.checkpoint().generationConfig());
            Duration load = Duration.ofNanos(System.nanoTime() - start);
            GenerationStats shown = stats ? GenerationStats.shown(console(), load) : GenerationStats.hidden();
            if (model.adapters().isEmpty()) {
                answer(pretrained.model(), tokenizer, settings, shown);
            }
            for (NamedAdapter adapter : model.adapters()) {
                Adapters.of(pretrained.model()).use(adapter.name());
                if (model.adapters().size() > 1) {
                    heading(adapter);
                }
                answer(pretrained.model(), tokenizer, settings, shown.of(adapter));
            }
        }
        return ExitCode.SUCCESS;
    }

    private void requireOneForChat(CommandLine line, AdapterOptions.Chosen model) {
        if (asked.chat && model.adapters().size() > 1) {
            throw new CommandLine.ParameterException(
                    line,
                    "--chat talks to one model, and %d adapters are given"
                            .formatted(model.adapters().size()));
        }
    }

    private void heading(NamedAdapter adapter) {
        if (!json) {
            console().print("[%s]\n".formatted(adapter.name()));
        }
    }

    /// A generation for each adapter: keys and values of one adapter are wrong for another.
    private void answer(LanguageModel model, Tokenizer tokenizer, GenerationSettings settings, GenerationStats shown) {
        try (TextGeneration generation = new TextGeneration(model, tokenizer)) {
            if (asked.chat) {
                new ChatLoop(console(), generation, template(tokenizer, "Hello"), settings, shown)
                        .run(opening(), json ? ChatLoop.Form.JSON_LINES : ChatLoop.Form.TEXT);
            } else {
                one(generation, tokenizer, settings, shown, Objects.requireNonNull(asked.prompt));
            }
        }
    }

    private void notApplied(Optional<JsonObject> generationConfig) {
        List<String> keys = generationConfig.map(GenerationSettings::notApplied).orElseGet(List::of);
        if (!keys.isEmpty()) {
            console()
                    .note("warning: generation_config.json has settings that generate does not apply: %s"
                            .formatted(String.join(", ", keys)));
        }
    }

    private void one(
            TextGeneration generation,
            Tokenizer tokenizer,
            GenerationSettings settings,
            GenerationStats shown,
            String prompt) {
        TextGeneration.Answer answer;
        if (raw) {
            answer = generation.complete(prompt, settings, this::show);
        } else {
            Conversation conversation = opening().plus(Conversation.message("user", prompt));
            answer = generation.answer(template(tokenizer, prompt), conversation, settings, this::show);
        }
        console().print(json ? shown.json(answer) + "\n" : "\n");
        shown.note(answer);
    }

    private void show(String piece) {
        if (!json) {
            console().print(piece);
        }
    }

    private Conversation opening() {
        List<JsonObject> first = system == null ? List.of() : List.of(Conversation.message("system", system));
        return new Conversation(first, template.tools());
    }

    /// The template, after a look at what it makes of a first turn.
    private ChatTemplate template(Tokenizer tokenizer, String firstTurn) {
        ChatTemplate chosen = template.open(tokenizer);
        chosen.text(opening().plus(Conversation.message("user", firstTurn)), ChatTemplate.End.GENERATION_PROMPT);
        for (String option : chosen.unreadOptions()) {
            console()
                    .note("warning: the chat template never reads '%s'%s"
                            .formatted(option, NearestNames.hint(option, chosen.variables())));
        }
        if (template.tools().isPresent() && !chosen.variables().contains("tools")) {
            console().note("warning: the chat template never reads 'tools', so the prompt does not contain them");
        }
        return chosen;
    }
}
