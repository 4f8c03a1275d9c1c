package dev.bowline.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Who brings a recipe of NeMo AutoModel is told line by line what to change, and never that a key of it is a typing
/// error.
class AutoModelRecipeTest {

    private static final String RECIPE = """
            recipe: FinetuneRecipeForVLM
            step_scheduler: {global_batch_size: 8, local_batch_size: 1, num_epochs: 2, save_checkpoint_every_epoch: true}
            dist_env: {backend: nccl, timeout_minutes: 60}
            rng: {_target_: StatefulRNG, seed: 42, ranked: true}
            model:
              _target_: from_pretrained
              pretrained_model_name_or_path: model
              torch_dtype: torch.bfloat16
              trust_remote_code: true
              attn_implementation: eager
              backend: {attn: te}
              text_config: {use_cache: false}
            processor: {padding_side: right}
            checkpoint: {enabled: true, checkpoint_dir: runs, model_save_format: torch_save, best_metric_key: default}
            distributed: {strategy: fsdp2}
            peft: {dim: 16}
            quantization: {load_in_4bit: true}
            wandb: {project: x}
            loss_fn: {_target_: MaskedCrossEntropy}
            dataset: {_target_: make, path_or_dataset_id: train.jsonl, split: train}
            dataloader: {shuffle: true}
            validation_dataset_two: {path: heldout.jsonl}
            optimizer: {_target_: AdamW, lr: 2e-5, weight_decay: 0.01, betas: [0.9, 0.95]}
            lr_scheduler: {lr_decay_style: cosine, max_lr: 2e-5}
            freeze_config: {freeze_embeddings: true, freeze_vision_tower: true, freeze_audio_tower: true}
            ci: {time: 1}
            """;

    @TempDir
    private Path temporary;

    @Test
    void everyKeyThatMeansNothingHereIsRefusedByName() {
        List<String> problems = new RecipeFolder(temporary).problems(RECIPE);

        assertEquals(
                List.of(
                        "recipe",
                        "step_scheduler.save_checkpoint_every_epoch",
                        "dist_env",
                        "rng",
                        "model._target_",
                        "model.trust_remote_code",
                        "model.attn_implementation",
                        "model.backend",
                        "model.text_config",
                        "processor",
                        "checkpoint.model_save_format",
                        "checkpoint.best_metric_key",
                        "distributed",
                        "peft",
                        "quantization",
                        "wandb",
                        "loss_fn",
                        "dataset._target_",
                        "dataset.split",
                        "dataloader",
                        "validation_dataset_two",
                        "optimizer._target_",
                        "lr_scheduler.max_lr",
                        "ci"),
                problems.stream().map(AutoModelRecipeTest::refusedKey).toList());
    }

    @Test
    void theDeadSeedIsToldWhereItLives() {
        List<String> problems = new RecipeFolder(temporary).problems(RECIPE);

        assertTrue(
                problems.contains(
                        "4:1: key 'rng' is refused: nothing reads a seed in here | put seed at top level: seed: 42"),
                problems::toString);
    }

    @Test
    void aTargetIsRefusedBecauseARecipeIsData() {
        List<String> problems = new RecipeFolder(temporary).problems(RECIPE);

        assertTrue(
                problems.stream()
                        .anyMatch(
                                problem -> problem.startsWith(
                                        "6:3: key 'model._target_' is refused: names code to run, and a recipe is data, not code")),
                problems::toString);
    }

    private static String refusedKey(String problem) {
        assertTrue(problem.contains(" is refused: "), problem);
        return problem.substring(problem.indexOf('\'') + 1, problem.indexOf("' is refused"));
    }
}
