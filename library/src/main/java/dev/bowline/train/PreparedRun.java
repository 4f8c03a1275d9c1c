package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.adapter.AdapterSummary;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.CheckpointLoader;
import dev.bowline.checkpoint.LoadReport;
import dev.bowline.data.Dataset;
import dev.bowline.data.PackedRow;
import dev.bowline.data.TrainingRows;
import dev.bowline.distributed.ProcessGroup;
import dev.bowline.evaluate.EvaluationRow;
import dev.bowline.evaluate.EvaluationRows;
import dev.bowline.files.RunLock;
import dev.bowline.memory.MemoryReport;
import dev.bowline.model.Component;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.SlotRole;
import dev.bowline.parallel.ShardedModel;
import dev.bowline.platform.AvailableMemory;
import dev.bowline.recipe.DatasetSection;
import dev.bowline.recipe.EvaluateSection;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.tensor.CudaSupport;
import dev.bowline.text.Tokenizer;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// A recipe that is ready to run: its data is read, and it passed every check that needs no weights. The checks
/// cover the model's config and headers, the tokenizer, every example, and the memory of the run.
///
/// Immutable; for any thread.
public final class PreparedRun {

    private final RecipeFile file;
    private final Recipe recipe;
    private final RunCheckpoints checkpoints;
    private final Data data;
    private final long paddingId;
    private final MemoryReport memory;
    private final Optional<AdapterSummary> adapter;
    private final RunRanks ranks;

    /// @param questions of the section evaluate
    /// @param templateDate the current date for chat templates
    /// @param notes one sentence for each change to the data and each defect of the data
    private record Data(
            RecipeData training,
            Optional<RecipeData> heldOut,
            List<EvaluationRow> questions,
            LocalDate templateDate,
            List<String> notes) {}

    private PreparedRun(
            RecipeFile file,
            RunCheckpoints checkpoints,
            Data data,
            long paddingId,
            MemoryReport memory,
            Optional<AdapterSummary> adapter,
            RunRanks ranks) {
        this.file = file;
        this.ranks = ranks;
        recipe = file.recipe();
        this.checkpoints = checkpoints;
        this.data = data;
        this.paddingId = paddingId;
        this.memory = memory;
        this.adapter = adapter;
    }

    /// @throws BowlineException if something in the recipe does not hold
    public static PreparedRun of(RecipeFile file) {
        return of(file, Optional.empty(), RunRanks.ALONE);
    }

    /// The same as one rank of a run.
    ///
    /// @param group the ranks, which the caller closes after the run
    /// @throws BowlineException if something in the recipe does not hold, or if the ranks do not have the same
    ///     recipe, data, base, version and number of threads
    public static PreparedRun of(RecipeFile file, ProcessGroup group) {
        return of(file, Optional.empty(), new RunRanks(Optional.of(group)));
    }

    /// With examples that a program made in place of those that the recipe's dataset section names.
    ///
    /// @throws BowlineException if something in the recipe does not hold
    public static PreparedRun of(RecipeFile file, Dataset dataset) {
        return of(file, Optional.of(dataset), RunRanks.ALONE);
    }

    private static PreparedRun of(RecipeFile file, Optional<Dataset> given, RunRanks ranks) {
        Recipe recipe = file.recipe();
        ExpertShares.epSize(file, ranks.count());
        RunCheckpoints checkpoints = RunCheckpoints.of(
                recipe.checkpoint(), recipe.evaluate().flatMap(EvaluateSection::keepBest), file::wrong, ranks);
        checkpoints.requireKind(recipe.peft());
        try (Checkpoint checkpoint = Checkpoint.open(source(recipe, checkpoints));
                LanguageModel model = AutoModel.fromConfig(checkpoint.config());
                Tokenizer tokenizer = Tokenizer.open(recipe.model().pretrainedModel())) {
            ModelFit.require(file, model);
            CheckpointLoader.requireFits(checkpoint, model);
            ModelFit.resize(recipe, model);
            Optional<AdapterSummary> adapter = RecipeAdapter.of(file, model);
            int vocabulary = model.vocabularySize();
            LocalDate today = checkpoints
                    .templateDate()
                    .orElseGet(() ->
                            LocalDate.parse(ranks.first(() -> LocalDate.now().toString())));
            RecipeData training = given.map(dataset -> RecipeData.of(recipe, dataset))
                    .orElseGet(() -> RecipeData.read(file, "dataset", recipe.dataset(), tokenizer, today))
                    .requireRows(tokenizer, vocabulary);
            Optional<RecipeData> heldOut = recipe.validationDataset()
                    .map(section -> RecipeData.read(file, "validation_dataset", section, tokenizer, today)
                            .requireRows(tokenizer, vocabulary));
            List<String> notes = new ArrayList<>(training.notes("dataset", tokenizer));
            heldOut.ifPresent(data -> notes.addAll(data.notes("validation_dataset", tokenizer)));
            int longest =
                    training.rows().stream().mapToInt(PackedRow::length).max().orElseThrow();
            return new PreparedRun(
                    file,
                    checkpoints,
                    new Data(training, heldOut, questions(file, heldOut, tokenizer, today), today, notes),
                    // Padding is masked; the embedding only needs a row for its id.
                    tokenizer
                            .specialTokenId("pad_token")
                            .filter(id -> id < vocabulary)
                            .orElse(0),
                    RecipeMemory.of(
                            new RecipeMemory.Subject(recipe, adapter),
                            checkpoint,
                            model,
                            longest,
                            AvailableMemory.now()),
                    adapter,
                    ranks);
        }
    }

    /// @return empty for a recipe without a section evaluate
    private static List<EvaluationRow> questions(
            RecipeFile file, Optional<RecipeData> heldOut, Tokenizer tokenizer, LocalDate today) {
        Optional<EvaluateSection> section = file.recipe().evaluate();
        if (section.isEmpty()) {
            return List.of();
        }
        Recipe recipe = file.recipe();
        Optional<Path> own = section.get().data();
        DatasetSection read = recipe.validationDataset().orElseGet(recipe::dataset);
        Dataset dataset = own.map(path -> RecipeData.read(
                                file, "evaluate", read.of(path, section.get().split()), tokenizer, today)
                        .dataset())
                .or(() -> heldOut.map(RecipeData::dataset))
                .orElseThrow();
        try {
            return EvaluationRows.of(
                    dataset, section.get().limit(), own.orElse(read.path()).toString());
        } catch (BowlineException e) {
            throw file.wrong(own.isPresent() ? "evaluate.data" : "validation_dataset.path", e.problem(), e.fix());
        }
    }

    private static Path source(Recipe recipe, RunCheckpoints checkpoints) {
        Path base = recipe.model().pretrainedModel();
        return recipe.peft().isPresent() ? base : checkpoints.resumedFrom().orElse(base);
    }

    /// The recipe, and the origin of each of its values.
    public RecipeFile file() {
        return file;
    }

    /// The memory for the longest row of the data.
    public MemoryReport memory() {
        return memory;
    }

    /// The modules that the adapter of the recipe changes; empty for a recipe without an adapter.
    public Optional<AdapterSummary> adapter() {
        return adapter;
    }

    /// @throws BowlineException with the three cheapest changes, if there is not enough memory
    public PreparedRun requireMemory() {
        if (!ranks.isAlone()
                && RecipeRanks.of(file, ranks.count(), 1).neededBytes(memory)
                        <= memory.available().bytes()) {
            return this;
        }
        memory.requireFits(recipe.model().pretrainedModel());
        return this;
    }

    /// Loads the weights, and the training checkpoint that the run resumes from, if any.
    public FineTuningRun load() {
        ranks.agree(RunFingerprint.of(file, data.training().rows(), checkpoints.resumedFrom(), ranks));
        Optional<RunLock> lock = checkpoints.begin();
        try {
            return load(lock);
        } catch (RuntimeException | Error e) {
            lock.ifPresent(RunLock::close);
            throw e;
        }
    }

    private FineTuningRun load(Optional<RunLock> lock) {
        Optional<ShardedModel> sharded = Optional.empty();
        List<String> notes = new ArrayList<>(data.notes());
        notes.addAll(ranks.notes(recipe));
        recipe.evaluate().flatMap(section -> unjudged(section)).ifPresent(notes::add);
        Pretrained pretrained = pretrained(notes);
        notes.addAll(pretrained.report().notes());
        notes.addAll(towers(pretrained.report()));
        pretrained.model().useActivationCheckpointing(recipe.activationCheckpointing());
        try {
            notes.addAll(pretrained.checkpoint().retainCompanions());
            sharded = divided(pretrained);
            List<String> mapped = FrozenCopies.copy(pretrained, copiedBytes());
            RunWeights weights = weights(pretrained);
            FineTuning tuning = restored(pretrained.model(), sharded, weights, notes);
            Optional<RunEvaluator> evaluator = recipe.evaluate()
                    .map(section -> new RunEvaluator(
                            section,
                            pretrained,
                            data.questions(),
                            Tokenizer.open(recipe.model().pretrainedModel()),
                            ranks,
                            checkpoints.evaluation()));
            return new FineTuningRun(
                    file,
                    pretrained,
                    weights,
                    mapped,
                    tuning,
                    data.heldOut(),
                    checkpoints,
                    lock,
                    ranks,
                    evaluator,
                    data.templateDate(),
                    notes);
        } catch (RuntimeException e) {
            sharded.ifPresent(ShardedModel::close);
            pretrained.close();
            throw e;
        }
    }

    /// A note if checkpoints are saved between two evaluations.
    private Optional<String> unjudged(EvaluateSection section) {
        Optional<Integer> saves = recipe.stepScheduler().ckptEverySteps();
        boolean isBetween = section.keepBest().isPresent()
                && saves.isPresent()
                && section.everySteps().map(every -> saves.get() % every != 0).orElse(true);
        return isBetween
                ? Optional.of(
                        "checkpoints between two evaluations have no %s and are never the best one: let ckpt_every_steps be a multiple of evaluate.every_steps"
                                .formatted(section.keepBest().get()))
                : Optional.empty();
    }

    /// The base of an adapter stays in the mapped files, which several runs share.
    private long copiedBytes() {
        return recipe.peft().isPresent() ? 0 : FrozenCopies.MAX_BYTES;
    }

    private RunWeights weights(Pretrained pretrained) {
        return recipe.peft()
                .<RunWeights>map(section -> new RunWeights.OfAdapter(
                        RunAdapter.create(pretrained, recipe.model().quantization(), section.lora(), recipe.seed())))
                .orElseGet(() -> new RunWeights.Model(pretrained.checkpoint()));
    }

    /// @param notes receives one sentence for each difference from the checkpoint that the run resumes from
    private FineTuning restored(
            LanguageModel model, Optional<ShardedModel> sharded, RunWeights weights, List<String> notes) {
        TrainingRows rows = new TrainingRows(
                data.training().rows(),
                recipe.dataset().shuffle() ? TrainingRows.Order.SHUFFLED : TrainingRows.Order.AS_READ,
                recipe.seed());
        ranks.agree(RunFingerprint.of(model));
        FineTuningPlan plan = RecipePlan.of(recipe, rows, paddingId);
        FineTuning tuning = new FineTuning(model, rows, ranks.plan(file, model, sharded, plan));
        try {
            notes.addAll(checkpoints.restore(tuning, weights));
            return tuning;
        } catch (RuntimeException e) {
            tuning.close();
            throw e;
        }
    }

    /// One note for each component that the model neither computes nor trains. Every save copies the tensors of
    /// such components.
    private static List<String> towers(LoadReport report) {
        Map<Component, Long> tensors = new EnumMap<>(Component.class);
        report.passedThrough().forEach(each -> tensors.merge(each.component(), 1L, Long::sum));
        return tensors.entrySet().stream()
                .map(each -> "frozen and saved unchanged: %s (tensors: %d)".formatted(each.getKey(), each.getValue()))
                .toList();
    }

    /// @param notes receives one sentence for each frozen component
    private Pretrained pretrained(List<String> notes) {
        AutoModel.Options options = AutoModel.Options.asStored()
                .on(recipe.model().device().resolve(CudaSupport.ofThisProcess()))
                .freezing(model -> notes.addAll(freeze(model)));
        AutoModel.Options typed = recipe.model().torchDtype().map(options::in).orElse(options);
        AutoModel.Options chosen =
                recipe.model().quantization().map(typed::quantizing).orElse(typed);
        Pretrained pretrained = AutoModel.fromPretrained(source(recipe, checkpoints), chosen);
        ModelFit.resize(recipe, pretrained.model());
        return pretrained;
    }

    private List<String> freeze(LanguageModel model) {
        if (recipe.peft().isPresent()) {
            RunAdapter.freeze(model);
            return List.of();
        }
        List<String> frozen = Freezing.apply(model, recipe.freezeConfig());
        if (ranks.divideWeights(recipe)) {
            // A frozen weight is mapped, so no rank has all values in memory of its own.
            model.trainable().values().forEach(Parameter::freeze);
        }
        return frozen;
    }

    /// Divides the weights over the ranks, if the recipe asks for it.
    private Optional<ShardedModel> divided(Pretrained pretrained) {
        if (!ranks.divideWeights(recipe)) {
            return Optional.empty();
        }
        Set<Component> frozen = Freezing.components(recipe.freezeConfig());
        LanguageModel model = pretrained.model();
        Map<String, Parameter> trained = new LinkedHashMap<>(model.parameters());
        trained.entrySet()
                .removeIf(entry ->
                        entry.getValue().role() != SlotRole.BASE || frozen.contains(model.component(entry.getKey())));
        ShardedModel sharded = ranks.divide(file, model, trained);
        trained.values().forEach(Parameter::unfreeze);
        // Otherwise the pages of the mapped files would be resident in addition to the shares.
        pretrained.checkpoint().unload();
        return Optional.of(sharded);
    }

    Recipe recipe() {
        return recipe;
    }
}
