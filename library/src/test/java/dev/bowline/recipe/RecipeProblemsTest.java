package dev.bowline.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Every error of a recipe has its position, the expected value, the found value and a fix.
class RecipeProblemsTest {

    @TempDir
    private Path temporary;

    private RecipeFolder folder;

    @BeforeEach
    void makeFolder() {
        folder = new RecipeFolder(temporary);
    }

    @Test
    void allProblemsAreReportedAtOnceInTheOrderOfTheFile() {
        String yaml = """
                seed: -1
                model:
                  torch_dtype: bfloat61
                  device: cuda0
                  pretrained_model_name_or_path: model
                dataset: {path: train.jsonl, seq_lenght: 12}
                step_scheduler:
                  global_batch_size: 8
                  local_batch_size: 3
                optimizer:
                  lr: "1e-5"
                """;

        assertEquals(
                List.of(
                        "1:7: seed: expected an integer of at least 0, found the number -1 | write 0 or more",
                        "3:16: model.torch_dtype: expected one of auto, float32, fp32, torch.float32, bfloat16, bf16,"
                                + " torch.bfloat16, found the text 'bfloat61' | did you mean 'bfloat16'?",
                        "4:11: model.device: expected auto, cpu, cuda or cuda:N, found the text 'cuda0'"
                                + " | did you mean 'cuda'?",
                        "6:30: unknown key 'seq_lenght' in dataset | did you mean 'seq_length'?",
                        "7:1: step_scheduler has neither max_steps nor num_epochs, so training would never end"
                                + " | add one of them, such as num_epochs: 1",
                        "9:21: step_scheduler.local_batch_size 3 does not divide global_batch_size 8"
                                + " | write 2, or a multiple of 3 for global_batch_size",
                        "11:7: optimizer.lr: expected a number above 0, found the text '1e-5' | remove the quotes",
                        "override loss.chunk_size=0: loss.chunk_size: expected an integer of at least 1, found the"
                                + " number 0 | write 1 or more"),
                folder.problems(yaml, "loss.chunk_size=0"));
    }

    @Test
    void theMessageIsOneBlockAProblem() {
        Path file = folder.recipe("seed: x\n" + RecipeFolder.SHORTEST + "zzz: {}\n");

        RecipeException refused = assertThrows(RecipeException.class, () -> RecipeFile.load(file, List.of()));

        assertEquals("""
                %1$s:1:7: seed: expected an integer of at least 0, found the text 'x'
                  fix: write digits only
                %1$s:11:1: unknown key 'zzz'
                  fix: use one of seed, activation_checkpointing, model, dataset, validation_dataset, packed_sequence, step_scheduler, \
                optimizer, lr_scheduler, clip_grad_norm, checkpoint, freeze_config, peft, loss, distributed, evaluate, logging""".formatted(file), refused.getMessage());
    }

    @Test
    void aThousandProblemsDoNotFillTheScreen() {
        StringBuilder yaml = new StringBuilder(RecipeFolder.SHORTEST);
        for (int i = 0; i < 1000; i++) {
            yaml.append("key").append(i).append(": 1\n");
        }
        Path file = folder.recipe(yaml.toString());

        RecipeException refused = assertThrows(RecipeException.class, () -> RecipeFile.load(file, List.of()));

        assertEquals(1000, refused.problems().size());
        assertTrue(refused.fix().endsWith("\nand 900 more"), refused.fix());
    }

    @Test
    void everyMisspeltKeyIsToldItsName() {
        for (Key<?> key : RecipeSchema.RECIPE.keys()) {
            String wrong = key.name().substring(0, key.name().length() - 1) + "q";
            String yaml = nested(key.section(), wrong + ": 1");

            List<String> problems = problemsOf(yaml, "unknown key");

            String expected = key.name().length() < 3
                    ? "unknown key '%s'".formatted(wrong)
                    : "did you mean '%s'?".formatted(key.name());
            assertEquals(1, problems.size(), () -> key.path() + ": " + problems);
            assertTrue(problems.getFirst().contains(expected), problems::toString);
        }
    }

    @Test
    void everyKeyRefusesAValueOfAnotherKindAtItsPosition() {
        for (Key<?> key : RecipeSchema.RECIPE.keys()) {
            for (String wrong : otherKinds(key.name())) {
                String yaml = nested(key.section(), key.name() + ": " + wrong);
                int depth = key.section().isEmpty()
                        ? 0
                        : Key.segments(key.section()).size();
                String position =
                        "%d:%d: ".formatted(depth + 1, 2 * depth + key.name().length() + 3);

                List<String> problems = problemsOf(yaml, key.path() + ": expected ");

                assertEquals(1, problems.size(), () -> key.path() + " takes " + wrong);
                assertTrue(problems.getFirst().startsWith(position), problems::toString);
                assertTrue(problems.getFirst().contains(key.type().expected()), problems::toString);
            }
        }
    }

    private static List<String> otherKinds(String name) {
        return switch (name) {
            case "chat_template_kwargs", "rank_pattern", "alpha_pattern" -> List.of("3", "[1, 2, 3]");
            case "target_modules", "exclude_modules", "target_parameters", "modules_to_save", "metrics" ->
                List.of("3", "{a: 1}");
            case "trainable_token_indices" -> List.of("3");
            default -> List.of("{a: 1}", "[1, 2, 3]");
        };
    }

    @Test
    void everySectionRefusesAValueInItsPlace() {
        for (String section : RecipeSchema.RECIPE.sections()) {
            for (String wrong : List.of("3", "[]", "")) {
                String parent = section.contains(".") ? section.substring(0, section.indexOf('.')) : "";
                String name = section.substring(section.indexOf('.') + 1);

                List<String> problems =
                        problemsOf(nested(parent, name + ": " + wrong), section + ": expected a mapping, found ");

                assertEquals(1, problems.size(), () -> section + " takes " + wrong);
            }
        }
    }

    @Test
    void whatIsWrongWithASectionIsNotSaidAgainOfItsKeys() {
        assertEquals(
                "1:8: model: expected a mapping, found the text 'gemma'"
                        + " | give it keys (pretrained_model_name_or_path, torch_dtype, device, quantization,"
                        + " resize_token_embeddings, attention_dropout, resid_pdrop), or remove it",
                folder.problem(RecipeFolder.SHORTEST.replace(
                        "model:\n  pretrained_model_name_or_path: model\n", "model: gemma\n")));
        assertEquals(
                "8:1: unknown key 'optimiser' | did you mean 'optimizer'?",
                folder.problem(RecipeFolder.SHORTEST.replace("optimizer", "optimiser")));
        assertEquals(
                "7:3: unknown key 'max_step' in step_scheduler | did you mean 'max_steps'?",
                folder.problem(RecipeFolder.SHORTEST.replace("max_steps", "max_step")));
        assertEquals(
                "4:38: dataset.column_mapping: expected a mapping, found nothing"
                        + " | give it keys (context, question, answer), or remove it",
                folder.problem(RecipeFolder.SHORTEST.replace(
                        "  path: train.jsonl", "  {path: train.jsonl, column_mapping: }")));
    }

    @Test
    void aKeyInTheWrongPlaceIsToldItsOwn() {
        assertEquals(
                "10:1: unknown key 'weight_decay' | did you mean 'optimizer.weight_decay'? Check the indentation",
                folder.problem(RecipeFolder.SHORTEST + "weight_decay: 0.1\n"));
        assertEquals(
                "7:3: unknown key 'epochs' in step_scheduler | did you mean 'num_epochs'?",
                folder.problem(RecipeFolder.SHORTEST.replace("max_steps: 10", "epochs: 3")));
    }

    @Test
    void aMissingKeyIsReportedWhereItsSectionStands() {
        assertEquals(
                List.of(
                        "1:1: dataset.path is missing: expected an existing file or directory | add it: The examples: a"
                                + " file of JSON, JSON lines, Parquet or CSV, or a directory of such files.",
                        "6:1: optimizer.lr is missing: expected a number above 0 | add it: Peak learning rate."),
                folder.problems("""
                        model:
                          pretrained_model_name_or_path: model
                        step_scheduler:
                          global_batch_size: 8
                          max_steps: 10
                        optimizer:
                          eps: 1e-8
                        """));
    }

    @Test
    void valuesThatContradictEachOtherAreRefused() {
        Map<List<String>, String> cases = Map.ofEntries(
                Map.entry(List.of("step_scheduler.max_steps=null"), "neither max_steps nor num_epochs"),
                Map.entry(List.of("step_scheduler.val_every_steps=5"), "there is no validation_dataset"),
                Map.entry(List.of("checkpoint.keep_best=true"), "there is no validation_dataset"),
                Map.entry(List.of("packed_sequence.packed_sequence_size=1"), "expected 0 or an integer of at least 2"),
                Map.entry(
                        List.of("packed_sequence.packed_sequence_size=64", "dataset.seq_length=65"),
                        "dataset.seq_length 65 is longer than the packed row of 64 tokens"),
                Map.entry(List.of("lr_scheduler.lr_warmup_steps=11"), "above max_steps 10"),
                Map.entry(
                        List.of("lr_scheduler={lr_warmup_steps: 6, lr_decay_steps: 5, lr_decay_style: linear}"),
                        "lr_warmup_steps 6 is above lr_decay_steps 5"),
                Map.entry(
                        List.of("lr_scheduler={lr_decay_style: cosine, min_lr: 1e-4}"),
                        "min_lr 1e-4 is above optimizer.lr 1e-5"),
                Map.entry(List.of("lr_scheduler={lr_warmup_steps: 2, init_lr: 1}"), "init_lr 1 is above optimizer.lr"),
                Map.entry(List.of("lr_scheduler.min_lr=1e-6"), "no effect with lr_decay_style: constant"),
                Map.entry(List.of("lr_scheduler.lr_decay_steps=9"), "no effect with lr_decay_style: constant"),
                Map.entry(List.of("lr_scheduler.init_lr=1e-6"), "no effect without lr_warmup_steps"),
                Map.entry(
                        List.of("checkpoint.enabled=false", "step_scheduler.ckpt_every_steps=2"),
                        "no effect with checkpoint.enabled: false"),
                Map.entry(
                        List.of("checkpoint={enabled: false, max_recent_checkpoints: 3}"),
                        "max_recent_checkpoints has no effect with checkpoint.enabled: false"),
                Map.entry(
                        List.of("checkpoint={enabled: false, max_shard_size: 1GB}"),
                        "max_shard_size has no effect with checkpoint.enabled: false"),
                Map.entry(
                        List.of("checkpoint={enabled: false, last: weights_only}"),
                        "last has no effect with checkpoint.enabled: false"),
                Map.entry(
                        List.of("optimizer.weight_decay=0", "optimizer.decay_norms_and_biases=true"),
                        "decay_norms_and_biases has no effect with weight_decay: 0"),
                Map.entry(
                        List.of("optimizer={name: adafactor, lr: 1e-3, state_dtype: int8}"),
                        "state_dtype has no effect with optimizer.name: adafactor"),
                Map.entry(List.of("loss={full_logits: true, chunk_size: 64}"), "no effect with loss.full_logits"),
                Map.entry(List.of("freeze_config.freeze_language_model=true"), "true freezes everything"),
                Map.entry(List.of("freeze_config.freeze_vision_tower=false"), "not supported yet"),
                Map.entry(List.of("freeze_config.freeze_audio_tower=false"), "not supported yet"),
                Map.entry(
                        List.of("dataset.format=messages", "dataset.column_mapping={question: q, answer: a}"),
                        "column_mapping has no effect with format: messages"),
                Map.entry(List.of("dataset.column_mapping.question=q"), "dataset.column_mapping.answer is missing"),
                Map.entry(
                        List.of("dataset.column_mapping={question: q, answer: q}"), "question and answer are both 'q'"),
                Map.entry(
                        List.of("dataset.answer_only_loss_mask=false", "dataset.mask_history=true"),
                        "mask_history: true contradicts answer_only_loss_mask: false"));

        cases.forEach((sets, expected) -> {
            String problem = folder.problem(RecipeFolder.SHORTEST, sets.toArray(String[]::new));
            assertTrue(problem.contains(expected), problem);
        });
    }

    @Test
    void aCheckpointIsNotSavedIntoTheModelItStartsFrom() {
        String problem = folder.problem(RecipeFolder.SHORTEST + "checkpoint: {checkpoint_dir: model/runs}\n");

        assertTrue(problem.startsWith("10:30: checkpoint.checkpoint_dir model/runs is inside the model"), problem);
    }

    @Test
    void aFileIsNoPlaceForCheckpoints() {
        assertEquals(
                "10:30: checkpoint.checkpoint_dir train.jsonl is a file, not a directory"
                        + " | name a directory that is empty or can be made",
                folder.problem(RecipeFolder.SHORTEST + "checkpoint: {checkpoint_dir: train.jsonl}\n"));
        assertEquals(
                "10:30: checkpoint.checkpoint_dir train.jsonl/a/b cannot be made: train.jsonl is a file"
                        + " | name a directory that is empty or can be made",
                folder.problem(RecipeFolder.SHORTEST + "checkpoint: {checkpoint_dir: train.jsonl/a/b}\n"));
    }

    @Test
    void theOneOfTwoRatesThatIsWrongIsNamed() {
        assertEquals(
                "10:16: optimizer.betas[1]: expected a number of at least 0 and below 1, found the number 1.0"
                        + " | write a number of at least 0 and below 1, such as 0.999",
                folder.problem(RecipeFolder.SHORTEST + "  betas: [0.9, 1.0]\n"));
        assertEquals(
                "10:11: optimizer.betas[0]: expected a number of at least 0 and below 1, found the text 'x'"
                        + " | write a finite number, such as 0.9",
                folder.problem(RecipeFolder.SHORTEST + "  betas: [x, 0.9]\n"));
    }

    @Test
    void aVariableThatTheConversationDecidesIsNoOptionOfATemplate() {
        assertEquals(
                "5:25: dataset.chat_template_kwargs: 'messages' is not an option of a chat template:"
                        + " the conversation decides it | remove messages",
                folder.problem(RecipeFolder.SHORTEST.replace(
                        "  path: train.jsonl", "  path: train.jsonl\n  chat_template_kwargs: {messages: 3}")));
    }

    @Test
    void aNameOnTheHubIsToldToBeDownloaded() {
        String problem =
                folder.problem(RecipeFolder.SHORTEST.replace("or_path: model", "or_path: google/gemma-4-26B-A4B-it"));

        assertTrue(problem.startsWith("2:34: model.pretrained_model_name_or_path: expected a directory"), problem);
        assertTrue(problem.contains("download it first (hf download google/gemma-4-26B-A4B-it"), problem);
    }

    @Test
    void aDeviceIsNotCalledMissing() {
        String problem = folder.problem(RecipeFolder.SHORTEST.replace("train.jsonl", "/dev/null"));

        assertTrue(problem.endsWith("/dev/null is a pipe or a device; name a regular file"), problem);
    }

    @Test
    void aMissingPathIsToldItsNeighbour() {
        assertTrue(folder.problem(RecipeFolder.SHORTEST.replace("train.jsonl", "trian.jsonl"))
                .endsWith("trian.jsonl does not exist; did you mean 'train.jsonl'?"));
        assertTrue(folder.problem(RecipeFolder.SHORTEST.replace("or_path: model", "or_path: modl"))
                .endsWith("modl does not exist; did you mean 'model'?"));
        assertTrue(folder.problem(RecipeFolder.SHORTEST.replace("or_path: model", "or_path: runs"))
                .endsWith("runs has no config.json; name the directory that has"));
        assertTrue(folder.problem(RecipeFolder.SHORTEST.replace("train.jsonl", "${DATA}/x"))
                .endsWith("a recipe does not read variables"));
        assertTrue(folder.problem(RecipeFolder.SHORTEST.replace("train.jsonl", "~/train.jsonl"))
                .endsWith("only a shell expands ~"));
    }

    @Test
    void aKeyGivenUnderTwoNamesIsRefused() {
        assertEquals(
                "5:3: dataset.path is given twice, as path and as path_or_dataset_id | keep path",
                folder.problem(RecipeFolder.SHORTEST.replace(
                        "  path: train.jsonl\n", "  path: train.jsonl\n  path_or_dataset_id: train.jsonl\n")));
    }

    private List<String> problemsOf(String yaml, String containing) {
        return folder.problems(yaml).stream()
                .filter(problem -> problem.contains(containing))
                .toList();
    }

    private static String nested(String section, String line) {
        StringBuilder yaml = new StringBuilder();
        String indent = "";
        for (String name : section.isEmpty() ? List.<String>of() : Key.segments(section)) {
            yaml.append(indent).append(name).append(":\n");
            indent += "  ";
        }
        return yaml.append(indent).append(line).append('\n').toString();
    }
}
