package dev.bowline.recipe;

import dev.bowline.optim.OptimizerName;
import dev.bowline.optim.Schedule;
import dev.bowline.optim.StateDtype;
import dev.bowline.recipe.Absent.Derived;
import dev.bowline.recipe.Absent.Fixed;
import dev.bowline.recipe.Absent.Required;
import dev.bowline.recipe.NumberKinds.Range;
import dev.bowline.tensor.DeviceChoice;
import dev.bowline.tensor.Dtype;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Everything a recipe may say, in the order it is shown.
final class RecipeSchema {

    private static final Kind<Optional<Integer>> COUNT =
            NumberKinds.integerFrom(1).optional();
    static final int USUAL_CHUNK = 512;
    static final int USUAL_RECENT = 2;
    static final long USUAL_SHARD = 5_000_000_000L;

    private static final Kind<Optional<Double>> NO_DROPOUT = NumberKinds.number(
                    new Range("that is 0", value -> value == 0), "0.0")
            .optional();

    private static final Kind<Boolean> SWITCH = TextKinds.trueOrFalse();

    private static final String FLOAT16_FIX = "write bfloat16; the range of float16 is too small to train in";

    private static final Map<String, Optional<Dtype>> DTYPES = TextKinds.names(
            Map.entry("auto", Optional.empty()),
            Map.entry("float32", Optional.of(Dtype.FLOAT32)),
            Map.entry("fp32", Optional.of(Dtype.FLOAT32)),
            Map.entry("torch.float32", Optional.of(Dtype.FLOAT32)),
            Map.entry("bfloat16", Optional.of(Dtype.BFLOAT16)),
            Map.entry("bf16", Optional.of(Dtype.BFLOAT16)),
            Map.entry("torch.bfloat16", Optional.of(Dtype.BFLOAT16)));
    private static final Map<String, String> DTYPE_HINTS =
            Map.of("float16", FLOAT16_FIX, "fp16", FLOAT16_FIX, "torch.float16", FLOAT16_FIX, "half", FLOAT16_FIX);

    static final Key<Long> SEED = new Key<>(
            "seed", NumberKinds.longFrom(0), new Fixed<>(42L, "as AutoModel"), "Seed of every random choice.");

    static final Key<Path> PRETRAINED = new Key<>(
            "model.pretrained_model_name_or_path",
            PathKinds.modelDirectory(),
            new Required<>(),
            "The checkpoint to start from, a local Hugging Face directory.");
    static final Key<Optional<Dtype>> TORCH_DTYPE = new Key<>(
            "model.torch_dtype",
            TextKinds.oneOf(DTYPES, DTYPE_HINTS),
            new Fixed<>(Optional.empty(), "as most of its weights are stored; float32 for float16"),
            "The type the weights are trained in.");
    static final Key<DeviceChoice> DEVICE = new Key<>(
            "model.device",
            TextKinds.device(),
            new Fixed<>(new DeviceChoice.Auto(), "cuda:0 where the natives have CUDA and a GPU is visible, else cpu"),
            "Where the model computes.");

    static final Key<Optional<Double>> ATTENTION_DROPOUT = new Key<>(
            "model.attention_dropout",
            NO_DROPOUT,
            new Fixed<>(Optional.empty(), "a config.json that has one is refused"),
            "0 trains without the dropout of that name in config.json, none of which Bowline applies.");
    static final Key<Optional<Double>> RESID_PDROP = new Key<>(
            "model.resid_pdrop",
            NO_DROPOUT,
            new Fixed<>(Optional.empty(), "a config.json that has one is refused"),
            "As model.attention_dropout.");

    static final Key<Integer> PACKED_SIZE = new Key<>(
            "packed_sequence.packed_sequence_size",
            NumberKinds.integerFrom(0),
            new Fixed<>(0, "no packing"),
            "Tokens in a packed row; 0 for one example a row.");

    static final DatasetKeys DATASET = DatasetKeys.training(PACKED_SIZE);
    static final Key<Boolean> SHUFFLE = new Key<>(
            "dataset.shuffle",
            SWITCH,
            new Fixed<>(true, "each epoch has its own order"),
            "Whether the order of the examples changes.");
    static final DatasetKeys VALIDATION_DATASET = DatasetKeys.validation(DATASET);

    static final Key<Integer> GLOBAL_BATCH_SIZE = new Key<>(
            "step_scheduler.global_batch_size", NumberKinds.integerFrom(1), new Required<>(), "Rows in one step.");
    static final Key<Integer> LOCAL_BATCH_SIZE = new Key<>(
            "step_scheduler.local_batch_size",
            NumberKinds.integerFrom(1),
            new Fixed<>(1, "needs the least memory"),
            "Rows in one forward pass; divides global_batch_size.");
    static final Key<Optional<Integer>> MAX_STEPS = new Key<>(
            "step_scheduler.max_steps",
            COUNT,
            new Fixed<>(Optional.empty(), "no limit"),
            "The last step. This or num_epochs must be given; of both, the first reached ends the run.");
    static final Key<Optional<Integer>> NUM_EPOCHS = new Key<>(
            "step_scheduler.num_epochs", COUNT, new Fixed<>(Optional.empty(), "no limit"), "Passes over the dataset.");
    static final Key<Optional<Integer>> CKPT_EVERY_STEPS = new Key<>(
            "step_scheduler.ckpt_every_steps",
            COUNT,
            new Fixed<>(Optional.empty(), "only the last step is saved"),
            "Steps between checkpoints.");
    static final Key<Optional<Integer>> VAL_EVERY_STEPS = new Key<>(
            "step_scheduler.val_every_steps",
            COUNT,
            new Fixed<>(Optional.empty(), "only after the last step, if there is a validation_dataset"),
            "Steps between validations.");

    static final Key<OptimizerName> OPTIMIZER_NAME = new Key<>(
            "optimizer.name",
            TextKinds.oneOf(OptimizerName.values()),
            new Fixed<>(OptimizerName.ADAMW, "as most recipes"),
            "The optimizer.");
    static final Key<Double> LR = new Key<>(
            "optimizer.lr", NumberKinds.number(Range.above(0), "1e-5"), new Required<>(), "The highest learning rate.");
    static final Key<Betas> BETAS = new Key<>(
            "optimizer.betas",
            NumberKinds.betas(),
            new Fixed<>(new Betas(0.9, 0.999), "as PyTorch"),
            "Decay rates of the two moments.");
    static final Key<Double> EPS = new Key<>(
            "optimizer.eps",
            NumberKinds.number(Range.above(0), "1e-8"),
            new Fixed<>(1e-8, "as PyTorch"),
            "Added to the root of the second moment.");
    static final Key<Double> WEIGHT_DECAY = new Key<>(
            "optimizer.weight_decay",
            NumberKinds.number(Range.atLeast(0), "0.01"),
            new Fixed<>(0.01, "as PyTorch"),
            "Decoupled weight decay of tensors with two or more dimensions.");
    static final Key<Boolean> DECAY_NORMS_AND_BIASES = new Key<>(
            "optimizer.decay_norms_and_biases",
            SWITCH,
            new Fixed<>(false, "decay pulls a norm towards nothing"),
            "Whether vectors and scalars decay too.");
    static final Key<StateDtype> STATE_DTYPE = new Key<>(
            "optimizer.state_dtype",
            TextKinds.oneOf(StateDtype.values()),
            new Fixed<>(StateDtype.FLOAT32, "exact"),
            "Dtype of the moments; int8 has a scale for each block of 256 elements.");

    static final Key<Schedule.Decay> LR_DECAY_STYLE = new Key<>(
            "lr_scheduler.lr_decay_style",
            TextKinds.oneOf(Schedule.Decay.values()),
            new Fixed<>(Schedule.Decay.CONSTANT, "no decay unasked"),
            "How the rate falls after the warm-up.");
    static final Key<Optional<Integer>> LR_WARMUP_STEPS = new Key<>(
            "lr_scheduler.lr_warmup_steps",
            NumberKinds.integerFrom(0).optional(),
            new Fixed<>(Optional.of(0), "no warm-up"),
            "Steps from init_lr up to optimizer.lr; null for a tenth of the run's steps, at most 1000.");
    static final Key<Optional<Integer>> LR_DECAY_STEPS = new Key<>(
            "lr_scheduler.lr_decay_steps",
            COUNT,
            new Fixed<>(Optional.empty(), "the run's last step"),
            "The step at which min_lr is reached, the warm-up included.");
    static final Key<Double> MIN_LR = new Key<>(
            "lr_scheduler.min_lr",
            NumberKinds.number(Range.atLeast(0), "1e-6"),
            new Fixed<>(0.0, "decays to nothing"),
            "The rate that the decay ends at.");
    static final Key<Double> INIT_LR = new Key<>(
            "lr_scheduler.init_lr",
            NumberKinds.number(Range.atLeast(0), "1e-7"),
            new Fixed<>(0.0, "starts from nothing"),
            "The rate that the warm-up starts from.");
    static final Key<Boolean> START_AT_INIT_LR = new Key<>(
            "lr_scheduler.start_at_init_lr",
            SWITCH,
            new Fixed<>(false, "the first step is one step up from init_lr"),
            "Whether the first step has init_lr itself, as in AutoModel, so that optimizer.lr comes a step later.");

    static final Key<Optional<Double>> MAX_NORM = new Key<>(
            "clip_grad_norm.max_norm",
            NumberKinds.number(Range.above(0), "1.0").optional(),
            new Fixed<>(Optional.of(1.0), "as AutoModel"),
            "The largest gradient norm of a step; null for no clipping.");

    static final Key<Boolean> CHECKPOINT_ENABLED =
            new Key<>("checkpoint.enabled", SWITCH, new Fixed<>(true, "a run saves its result"), "Saves checkpoints.");
    static final Key<Path> CHECKPOINT_DIR = new Key<>(
            "checkpoint.checkpoint_dir",
            PathKinds.path(),
            new Derived<>(
                    settings -> settings.source().resolveSibling("checkpoints"), "checkpoints/ next to the recipe"),
            "Where the step_N directories, training.jsonl and validation.jsonl go.");
    static final Key<Optional<Integer>> MAX_RECENT_CHECKPOINTS = new Key<>(
            "checkpoint.max_recent_checkpoints",
            COUNT,
            new Fixed<>(Optional.of(USUAL_RECENT), "the last and one before it"),
            "How many of the newest are kept; null for all.");
    static final Key<Boolean> KEEP_BEST = new Key<>(
            "checkpoint.keep_best",
            SWITCH,
            new Derived<>(settings -> settings.hasSection("validation_dataset"), "true with a validation_dataset"),
            "Whether the lowest validation loss is kept besides.");
    static final Key<Optional<RestoreFrom>> RESTORE_FROM = new Key<>(
            "checkpoint.restore_from",
            PathKinds.restoreFrom().optional(),
            new Fixed<>(Optional.empty(), "a fresh start"),
            "The training checkpoint to resume from; auto is the newest, or a fresh start where there is none.");
    static final Key<Long> MAX_SHARD_SIZE = new Key<>(
            "checkpoint.max_shard_size",
            TextKinds.size(),
            new Fixed<>(USUAL_SHARD, "as transformers"),
            "The largest weights file to write.");

    static final Key<Boolean> SAVE_OPTIMIZER = new Key<>(
            "checkpoint.save_optimizer",
            SWITCH,
            new Fixed<>(true, "a resumed run is exact"),
            "Whether checkpoints have the optimizer's state; a run resumed without it begins with moments of zero.");
    static final Key<LastCheckpoint> LAST_CHECKPOINT = new Key<>(
            "checkpoint.last",
            TextKinds.oneOf(LastCheckpoint.values()),
            new Fixed<>(LastCheckpoint.FULL, "as every checkpoint"),
            "Whether the checkpoint of the last step has the optimizer's state.");

    static final Key<Boolean> FREEZE_EMBEDDINGS = new Key<>(
            "freeze_config.freeze_embeddings",
            SWITCH,
            new Fixed<>(false, "all of the language model is trained"),
            "Freezes the token embedding, and a tied head with it.");
    static final Key<Boolean> FREEZE_VISION_TOWER = new Key<>(
            "freeze_config.freeze_vision_tower",
            SWITCH,
            new Fixed<>(true, "towers pass through unchanged"),
            "Must be true: the vision tower cannot be trained yet.");
    static final Key<Boolean> FREEZE_AUDIO_TOWER = new Key<>(
            "freeze_config.freeze_audio_tower",
            SWITCH,
            new Fixed<>(true, "towers pass through unchanged"),
            "Must be true: the audio tower cannot be trained yet.");
    static final Key<Boolean> FREEZE_LANGUAGE_MODEL = new Key<>(
            "freeze_config.freeze_language_model",
            SWITCH,
            new Fixed<>(false, "it is what is trained"),
            "Must be false: nothing else can be trained yet.");
    static final Key<Boolean> FREEZE_ROUTER = new Key<>(
            "freeze_config.freeze_router",
            SWITCH,
            new Fixed<>(false, "all of the language model is trained"),
            "Freezes the routers of a mixture of experts.");
    static final Key<Boolean> FREEZE_EXPERTS = new Key<>(
            "freeze_config.freeze_experts",
            SWITCH,
            new Fixed<>(false, "all of the language model is trained"),
            "Freezes the experts of a mixture of experts.");
    static final Key<Boolean> FREEZE_NORMS = new Key<>(
            "freeze_config.freeze_norms",
            SWITCH,
            new Fixed<>(false, "all of the language model is trained"),
            "Freezes the norms.");
    static final Key<Optional<Boolean>> FREEZE_LM_HEAD = new Key<>(
            "freeze_config.freeze_lm_head",
            TextKinds.trueOrFalse().optional(),
            new Fixed<>(Optional.empty(), "a tied head goes with the embedding, a separate one is trained"),
            "Freezes a separate head; a tied one is the embedding, and must not be said to differ from it.");

    static final Key<Integer> LOSS_CHUNK_SIZE = new Key<>(
            "loss.chunk_size",
            NumberKinds.integerFrom(1),
            new Fixed<>(USUAL_CHUNK, "bounds the memory of the logits"),
            "Tokens that go through the head at a time.");
    static final Key<Boolean> LOSS_FULL_LOGITS = new Key<>(
            "loss.full_logits",
            SWITCH,
            new Fixed<>(false, "bounds the memory of the logits"),
            "Whether the logits of every token are there at once, through autograd, as in transformers.");

    /// Sections that a recipe can do without, so that what is required in them is required only with them.
    static final Set<String> OPTIONAL_SECTIONS = Set.of("validation_dataset");

    static final List<Key<?>> KEYS = keys();

    /// Every mapping a recipe may have, dotted.
    static final Set<String> SECTIONS = KEYS.stream()
            .map(Key::section)
            .flatMap(section -> section.contains(".")
                    ? Stream.of(section, section.substring(0, section.indexOf('.')))
                    : Stream.of(section))
            .filter(section -> !section.isEmpty())
            .collect(Collectors.toUnmodifiableSet());

    private RecipeSchema() {}

    /// The key that stands at `section` under `name`, which may be an alias.
    static Optional<Key<?>> key(String section, String name) {
        return KEYS.stream()
                .filter(key -> key.section().equals(section) && key.answersTo(name))
                .findFirst();
    }

    /// What may stand directly in `section`: names of keys and of sections in it.
    static List<String> names(String section) {
        String prefix = section.isEmpty() ? "" : section + ".";
        return KEYS.stream()
                .map(Key::path)
                .filter(path -> path.startsWith(prefix))
                .map(path -> Key.segments(path.substring(prefix.length())).getFirst())
                .distinct()
                .toList();
    }

    private static List<Key<?>> keys() {
        List<Key<?>> keys =
                new ArrayList<>(List.of(SEED, PRETRAINED, TORCH_DTYPE, DEVICE, ATTENTION_DROPOUT, RESID_PDROP));
        keys.addAll(DATASET.all());
        keys.add(SHUFFLE);
        keys.addAll(VALIDATION_DATASET.all());
        keys.addAll(List.of(
                PACKED_SIZE,
                GLOBAL_BATCH_SIZE,
                LOCAL_BATCH_SIZE,
                MAX_STEPS,
                NUM_EPOCHS,
                CKPT_EVERY_STEPS,
                VAL_EVERY_STEPS));
        keys.addAll(List.of(OPTIMIZER_NAME, LR, BETAS, EPS, WEIGHT_DECAY, DECAY_NORMS_AND_BIASES, STATE_DTYPE));
        keys.addAll(List.of(LR_DECAY_STYLE, LR_WARMUP_STEPS, LR_DECAY_STEPS, MIN_LR, INIT_LR));
        keys.addAll(List.of(START_AT_INIT_LR, MAX_NORM));
        keys.addAll(List.of(
                CHECKPOINT_ENABLED,
                CHECKPOINT_DIR,
                MAX_RECENT_CHECKPOINTS,
                KEEP_BEST,
                RESTORE_FROM,
                MAX_SHARD_SIZE,
                SAVE_OPTIMIZER,
                LAST_CHECKPOINT));
        keys.addAll(List.of(
                FREEZE_EMBEDDINGS,
                FREEZE_VISION_TOWER,
                FREEZE_AUDIO_TOWER,
                FREEZE_LANGUAGE_MODEL,
                FREEZE_ROUTER,
                FREEZE_EXPERTS,
                FREEZE_NORMS,
                FREEZE_LM_HEAD));
        keys.addAll(List.of(LOSS_CHUNK_SIZE, LOSS_FULL_LOGITS));
        return List.copyOf(keys);
    }
}
