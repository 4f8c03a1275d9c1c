package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.distributed.ProcessGroup;
import dev.bowline.distributed.Ranks;
import dev.bowline.json.Json;
import dev.bowline.optim.Decayed;
import dev.bowline.optim.Hyperparameters;
import dev.bowline.optim.OptimizerName;
import dev.bowline.optim.OptimizerSettings;
import dev.bowline.optim.StateDtype;
import dev.bowline.recipe.RecipeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Whole runs of a recipe over ranks, as threads of one process: the files, the events and the ends of a run.
class RanksRunTest {

    @TempDir
    private Path directory;

    private List<String> sets(String name, String... more) {
        List<String> sets = new ArrayList<>(List.of(
                "checkpoint.checkpoint_dir=" + directory.resolve(name).toAbsolutePath(),
                "dataset.limit_dataset_samples=14",
                "validation_dataset.limit_dataset_samples=5",
                "step_scheduler.global_batch_size=4",
                "step_scheduler.local_batch_size=1",
                "step_scheduler.max_steps=4",
                "step_scheduler.val_every_steps=2",
                "step_scheduler.ckpt_every_steps=2",
                "lr_scheduler.lr_warmup_steps=1",
                "lr_scheduler.lr_decay_steps=10"));
        sets.addAll(List.of(more));
        return sets;
    }

    private RunReport run(ProcessGroup group, List<String> sets, RunListener listener) {
        try (FineTuningRun run = FineTuningRun.open(RecipeFile.load(DemoRuns.RECIPE, sets), group)) {
            return run.run(listener);
        }
    }

    private List<RunReport> run(int world, String name, String... more) {
        return Ranks.run(world, group -> run(group, sets(name, more), RunListener.silent()));
    }

    /// SHA-256 of every file by its path in the run's directory; logs have times, and the lock names the process.
    private Map<String, String> hashes(String name) throws IOException {
        Path root = directory.resolve(name);
        Map<String, String> hashes = new TreeMap<>();
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                String path = root.relativize(file).toString();
                if (!path.endsWith(".jsonl") && !path.equals(".run.lock")) {
                    hashes.put(path, sha256(Files.readAllBytes(file)));
                }
            }
        }
        return hashes;
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private List<String> column(String name, String file, String... keys) throws IOException {
        return Files.readAllLines(directory.resolve(name).resolve(file)).stream()
                .map(line -> Json.parse(line, name).asObject())
                .map(row -> Stream.of(keys)
                        .map(key -> row.require(key).toString())
                        .toList()
                        .toString())
                .toList();
    }

    /// Weights, optimizer, ledger, every file of every checkpoint, and every number in the logs.
    @Test
    void aRunWritesTheSameFilesOnAnyNumberOfRanks() throws IOException {
        run(1, "one");
        run(3, "three");

        assertTrue(
                hashes("one").containsKey("step_4/model.safetensors"),
                hashes("one").toString());
        assertEquals(hashes("one"), hashes("three"));
        String[] numbers = {"step", "loss", "grad_norm", "lr", "num_tokens_per_step"};
        assertEquals(column("one", "training.jsonl", numbers), column("three", "training.jsonl", numbers));
        String[] heldOut = {"step", "val_loss", "num_label_tokens"};
        assertEquals(column("one", "validation.jsonl", heldOut), column("three", "validation.jsonl", heldOut));
    }

    /// Moments and master weights, and weights too, are divided over the ranks, with experts that the ranks share, and
    /// the files are those of one rank.
    @Test
    void dividedStatesAndWeightsAreSavedWhole() throws IOException {
        String[] bfloat16 = {"model.torch_dtype=bfloat16", "validation_dataset.limit_dataset_samples=2"};
        List<RunReport> one = run(1, "one", bfloat16);
        run(3, "states", DemoRuns.with(bfloat16, "distributed.strategy=zero1"));
        List<RunReport> sharded = run(3, "weights", DemoRuns.with(bfloat16, "distributed.ep_size=3"));

        assertEquals(hashes("one"), hashes("states"));
        assertEquals(hashes("one"), hashes("weights"));
        assertEquals(one.getFirst().updates(), sharded.getFirst().updates());
        assertEquals(one.getFirst().experts(), sharded.getFirst().experts());
    }

    /// Frozen weights stay whole on every rank, and a layer without trained weights has no share.
    @Test
    void aPartOfTheModelIsDivided() throws IOException {
        String[] frozen = {
            "freeze_config.freeze_embeddings=true",
            "activation_checkpointing=true",
            "validation_dataset.limit_dataset_samples=2"
        };
        run(1, "one", frozen);
        run(2, "two", DemoRuns.with(frozen, "distributed.strategy=fsdp"));

        assertEquals(hashes("one"), hashes("two"));
    }

    @Test
    void anOptimizerWhoseStateCannotBeDividedIsRefused() {
        OptimizerSettings adafactor = OptimizerName.ADAFACTOR.settings(
                new Hyperparameters(0.9, 0.999, 1e-8, 0.01, Decayed.MATRICES, StateDtype.FLOAT32));
        RecipeFile file = RecipeFile.load(DemoRuns.RECIPE, sets("refused", "distributed.strategy=zero1"));

        List<String> problems = Ranks.run(
                2,
                group -> assertThrows(
                                BowlineException.class,
                                () -> new RunRanks(Optional.of(group)).optimizer(file, adafactor))
                        .problem());

        assertTrue(
                problems.getLast().contains("zero1 divides the state of adamw, and optimizer.name is adafactor"),
                problems.getLast());
    }

    @Test
    void ranksThatCannotShareExpertsRefuseTheRecipe() {
        RecipeFile file = RecipeFile.load(DemoRuns.RECIPE, sets("refused", "distributed.ep_size=2"));

        List<String> problems = Ranks.run(
                3,
                group -> assertThrows(BowlineException.class, () -> FineTuningRun.open(file, group))
                        .problem());

        for (String problem : problems) {
            assertTrue(problem.contains("distributed.ep_size"), problem);
            assertTrue(problem.contains("the run has 3 ranks"), problem);
        }
    }

    /// Four ranks, then two, then one.
    @Test
    void aRunResumesOnAnotherNumberOfRanks() throws IOException {
        run(1, "one", "step_scheduler.max_steps=6");
        run(4, "elastic", "step_scheduler.max_steps=2", "distributed.strategy=fsdp", "distributed.ep_size=2");
        run(2, "elastic", "step_scheduler.max_steps=4", "checkpoint.restore_from=auto", "distributed.strategy=zero1");
        run(1, "elastic", "step_scheduler.max_steps=6", "checkpoint.restore_from=auto");

        assertEquals(
                hashes("one").get("step_6/model.safetensors"), hashes("elastic").get("step_6/model.safetensors"));
        assertEquals(
                hashes("one").get("step_6/optimizer.safetensors"),
                hashes("elastic").get("step_6/optimizer.safetensors"));
    }

    @Test
    void anAdapterTrainsTheSameOnAnyNumberOfRanks() throws IOException {
        String[] lora = {
            "peft.dim=4",
            "peft.dropout=0.1",
            "peft.target_modules=['*_proj']",
            "validation_dataset.limit_dataset_samples=2"
        };
        run(1, "one", lora);
        run(3, "three", lora);

        assertTrue(
                hashes("one").containsKey("step_4/adapter_model.safetensors"),
                hashes("one").toString());
        assertEquals(hashes("one"), hashes("three"));
    }

    /// The restored values of an adapter are those that the divided optimizer updates.
    @Test
    void anAdapterResumesWithADividedOptimizer() throws IOException {
        String[] lora = {"peft.dim=4", "peft.target_modules=['*_proj']", "validation_dataset.limit_dataset_samples=2"};
        run(1, "one", lora);
        String[] divided = DemoRuns.with(lora, "distributed.strategy=zero1");
        run(2, "two", DemoRuns.with(divided, "step_scheduler.max_steps=2"));
        run(2, "two", DemoRuns.with(divided, "checkpoint.restore_from=auto"));

        assertEquals(
                hashes("one").get("step_4/adapter_model.safetensors"),
                hashes("two").get("step_4/adapter_model.safetensors"));
        assertEquals(
                hashes("one").get("step_4/optimizer.safetensors"), hashes("two").get("step_4/optimizer.safetensors"));
    }

    /// The load of the experts is that of all ranks, and the first rank alone has events.
    @Test
    void theReportIsOfAllRanks() {
        List<RunReport> one = run(1, "one");
        List<Integer> events = new ArrayList<>();
        List<RunReport> three = Ranks.run(
                3,
                group -> run(group, sets("three"), new RunListener() {
                    @Override
                    public void stepTaken(StepResult step, long lastStep) {
                        synchronized (events) {
                            events.add(group.rank());
                        }
                    }
                }));

        assertEquals(one.getFirst().experts(), three.getFirst().experts());
        assertEquals(List.of(0, 0, 0, 0), events);
        assertEquals(one.getFirst().lastValidation(), three.getLast().lastValidation());
    }

    /// A stop that one rank is asked for ends all of them after the same step, with a checkpoint.
    @Test
    void aStopOfOneRankStopsAll() {
        List<RunReport> reports = Ranks.run(2, group -> {
            try (FineTuningRun run = FineTuningRun.open(RecipeFile.load(DemoRuns.RECIPE, sets("stopped")), group)) {
                if (group.rank() == 1) {
                    run.requestStop();
                }
                return run.run(RunListener.silent());
            }
        });

        for (RunReport report : reports) {
            assertEquals(RunReport.Outcome.STOPPED, report.outcome());
        }
    }

    /// A program that opens the run is told too, and one process has nothing to divide.
    @Test
    void keysThatRanksDoNotCarryOutAreNoted() {
        RecipeFile file = RecipeFile.load(
                DemoRuns.RECIPE,
                sets(
                        "noted",
                        "peft.dim=4",
                        "peft.match_all_linear=true",
                        "distributed.strategy=fsdp",
                        "distributed.ep_size=2"));

        List<List<String>> notes = Ranks.run(2, group -> new RunRanks(Optional.of(group)).notes(file.recipe()));

        assertEquals(2, notes.getFirst().size(), notes.toString());
        assertTrue(notes.getFirst().getFirst().contains("distributed.strategy: fsdp"), notes.toString());
        assertTrue(notes.getFirst().getLast().contains("distributed.ep_size: 2"), notes.toString());
        assertEquals(List.of(), RunRanks.ALONE.notes(file.recipe()));
    }

    /// A path that each machine has for itself would lose every checkpoint but those of the first machine.
    @Test
    void aDirectoryThatIsNotTheSameForAllRanksIsRefused() throws IOException {
        Path own = Files.createDirectories(directory.resolve("own"));
        Path shared = Files.createDirectories(directory.resolve("shared"));

        List<String> problems = Ranks.run(3, group -> {
            RunRanks ranks = new RunRanks(Optional.of(group));
            ranks.requireShared(shared);
            Path seen = List.of(shared, own, directory.resolve("missing")).get(group.rank());
            return assertThrows(BowlineException.class, () -> ranks.requireShared(seen, 100))
                    .problem();
        });

        assertEquals(1, problems.stream().distinct().count(), problems.toString());
        assertTrue(problems.getFirst().startsWith("rank 0"), problems.getFirst());
        assertTrue(problems.getFirst().contains("writes into " + shared), problems.getFirst());
        assertTrue(
                problems.getFirst().matches(".*rank 1.*sees another one there, rank 2.*sees none there"),
                problems.getFirst());
        try (Stream<Path> left = Files.list(shared)) {
            assertEquals(0, left.count());
        }
    }

    @Test
    void ranksWithOtherRecipesAreRefusedBeforeWeightsAreLoaded() {
        List<String> problems = Ranks.run(
                2,
                group -> assertThrows(
                                BowlineException.class,
                                () -> run(
                                        group,
                                        sets("other", "optimizer.lr=" + (1 + group.rank()) + "e-3"),
                                        RunListener.silent()))
                        .problem());

        assertEquals(problems.getFirst(), problems.getLast());
        assertTrue(problems.getFirst().contains("do not agree on optimizer.lr"), problems.getFirst());
    }

    /// A failure of the first rank alone, here a directory that is in use, is the failure of each.
    @Test
    void aDirectoryInUseIsRefusedOnEveryRank() {
        run(1, "used");

        List<String> problems = Ranks.run(
                2,
                group -> assertThrows(BowlineException.class, () -> run(group, sets("used"), RunListener.silent()))
                        .problem());

        assertTrue(problems.getLast().contains("is not empty"), problems.getLast());
        assertTrue(problems.getFirst().contains("is not empty"), problems.getFirst());
    }
}
