package dev.bowline.recipe;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Sound settings → the recipe. Each key is used here exactly where its record takes it.
final class RecipeAssembly {

    private final Settings settings;

    private RecipeAssembly(Settings settings) {
        this.settings = settings;
    }

    /// @throws IllegalStateException if a key has a value that no record takes
    static Recipe assemble(Settings settings) {
        Recipe recipe = new RecipeAssembly(settings).recipe();
        List<String> unused = settings.unused();
        if (!unused.isEmpty()) {
            throw new IllegalStateException("declared but not used: " + unused);
        }
        return recipe;
    }

    private Recipe recipe() {
        return new Recipe(
                settings.source(),
                new ModelSection(
                        settings.use(RecipeSchema.PRETRAINED),
                        settings.use(RecipeSchema.TORCH_DTYPE),
                        settings.use(RecipeSchema.DEVICE),
                        withoutDropout()),
                dataset(RecipeSchema.DATASET, settings.use(RecipeSchema.SHUFFLE)),
                settings.hasSection("validation_dataset")
                        ? Optional.of(dataset(RecipeSchema.VALIDATION_DATASET, false))
                        : Optional.empty(),
                new PackedSequence(settings.use(RecipeSchema.PACKED_SIZE)),
                stepScheduler(),
                optimizer(),
                lrScheduler(),
                settings.use(RecipeSchema.MAX_NORM),
                checkpoint(),
                freezeConfig(),
                loss(),
                settings.use(RecipeSchema.SEED));
    }

    private Set<String> withoutDropout() {
        return Stream.of(RecipeSchema.ATTENTION_DROPOUT, RecipeSchema.RESID_PDROP)
                .filter(key -> settings.use(key).isPresent())
                .map(Key::name)
                .collect(Collectors.toSet());
    }

    private DatasetSection dataset(DatasetKeys keys, boolean shuffle) {
        DatasetFormat format = settings.use(keys.format());
        Optional<String> context = settings.use(keys.context());
        Optional<String> question = settings.use(keys.question());
        Optional<String> answer = settings.use(keys.answer());
        Optional<ColumnMapping> mapping = format == DatasetFormat.COLUMNS
                ? Optional.of(new ColumnMapping(context, question.orElseThrow(), answer.orElseThrow()))
                : Optional.empty();
        return new DatasetSection(
                settings.use(keys.path()),
                settings.use(keys.split()),
                format,
                mapping,
                settings.use(keys.seqLength()),
                settings.use(keys.truncation()),
                settings.use(keys.limit()),
                new ChatTemplateSection(
                        template(keys),
                        settings.use(keys.chatTemplateKwargs()),
                        settings.use(keys.chatTemplateDate()),
                        settings.use(keys.injectThinkingPrefix()),
                        settings.use(keys.addBosToken())),
                settings.use(keys.answerOnlyLossMask()),
                settings.use(keys.maskHistory()),
                shuffle);
    }

    private Optional<ChatTemplateChoice> template(DatasetKeys keys) {
        Optional<ChatTemplateChoice> chosen = settings.use(keys.chatTemplate());
        return settings.use(keys.useHfChatTemplate()) ? chosen : Optional.of(new ChatTemplateChoice.None());
    }

    private StepScheduler stepScheduler() {
        return new StepScheduler(
                settings.use(RecipeSchema.GLOBAL_BATCH_SIZE),
                settings.use(RecipeSchema.LOCAL_BATCH_SIZE),
                settings.use(RecipeSchema.MAX_STEPS),
                settings.use(RecipeSchema.NUM_EPOCHS),
                settings.use(RecipeSchema.CKPT_EVERY_STEPS),
                settings.use(RecipeSchema.VAL_EVERY_STEPS));
    }

    private OptimizerSection optimizer() {
        return new OptimizerSection(
                settings.use(RecipeSchema.OPTIMIZER_NAME),
                settings.use(RecipeSchema.LR),
                settings.use(RecipeSchema.BETAS),
                settings.use(RecipeSchema.EPS),
                settings.use(RecipeSchema.WEIGHT_DECAY),
                settings.use(RecipeSchema.DECAY_NORMS_AND_BIASES),
                settings.use(RecipeSchema.STATE_DTYPE));
    }

    private LrScheduler lrScheduler() {
        return new LrScheduler(
                settings.use(RecipeSchema.LR_DECAY_STYLE),
                settings.use(RecipeSchema.LR_WARMUP_STEPS),
                settings.use(RecipeSchema.LR_DECAY_STEPS),
                settings.use(RecipeSchema.MIN_LR),
                settings.use(RecipeSchema.INIT_LR),
                settings.use(RecipeSchema.START_AT_INIT_LR));
    }

    private CheckpointSection checkpoint() {
        return new CheckpointSection(
                settings.use(RecipeSchema.CHECKPOINT_ENABLED),
                settings.use(RecipeSchema.CHECKPOINT_DIR),
                settings.use(RecipeSchema.MAX_RECENT_CHECKPOINTS),
                settings.use(RecipeSchema.KEEP_BEST),
                settings.use(RecipeSchema.RESTORE_FROM),
                settings.use(RecipeSchema.MAX_SHARD_SIZE),
                settings.use(RecipeSchema.SAVE_OPTIMIZER),
                settings.use(RecipeSchema.LAST_CHECKPOINT));
    }

    private FreezeConfig freezeConfig() {
        return new FreezeConfig(
                settings.use(RecipeSchema.FREEZE_EMBEDDINGS),
                settings.use(RecipeSchema.FREEZE_VISION_TOWER),
                settings.use(RecipeSchema.FREEZE_AUDIO_TOWER),
                settings.use(RecipeSchema.FREEZE_LANGUAGE_MODEL),
                settings.use(RecipeSchema.FREEZE_ROUTER),
                settings.use(RecipeSchema.FREEZE_EXPERTS),
                settings.use(RecipeSchema.FREEZE_NORMS),
                settings.use(RecipeSchema.FREEZE_LM_HEAD));
    }

    private LossSection loss() {
        int chunk = settings.use(RecipeSchema.LOSS_CHUNK_SIZE);
        return settings.use(RecipeSchema.LOSS_FULL_LOGITS)
                ? new LossSection.FullLogits()
                : new LossSection.Chunked(chunk);
    }
}
