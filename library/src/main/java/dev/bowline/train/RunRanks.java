package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.distributed.Fingerprint;
import dev.bowline.distributed.ProcessGroup;
import dev.bowline.distributed.RankFailure;
import dev.bowline.files.SharedMark;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Layer;
import dev.bowline.nn.LayerPasses;
import dev.bowline.nn.Parameter;
import dev.bowline.optim.AdamW;
import dev.bowline.optim.GradientReduction;
import dev.bowline.optim.OptimizerSettings;
import dev.bowline.parallel.FastSummation;
import dev.bowline.parallel.FixedSummation;
import dev.bowline.parallel.GradientUnits;
import dev.bowline.parallel.ShardedLayer;
import dev.bowline.parallel.ShardedModel;
import dev.bowline.parallel.ZeroSettings;
import dev.bowline.recipe.DistributedSection;
import dev.bowline.recipe.DistributedSection.Strategy;
import dev.bowline.recipe.DistributedSection.Summation;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/// The ranks of a run, as seen from one of them. A run of one process has one rank and no group.
///
/// @param group the ranks, which stay the caller's
record RunRanks(Optional<ProcessGroup> group) {

    static final RunRanks ALONE = new RunRanks(Optional.empty());

    /// A network file system may show a new file after seconds.
    private static final long SHARED_MILLIS = 10_000;

    private static final String VALUE = "value";
    private static final String PROBLEM = "problem";
    private static final String FIX = "fix";

    /// True for the rank that listens, logs, locks and names files.
    boolean isFirst() {
        return group.map(ProcessGroup::isFirst).orElse(true);
    }

    int count() {
        return group.map(ProcessGroup::worldSize).orElse(1);
    }

    boolean isAlone() {
        return count() == 1;
    }

    /// The order of sums that the recipe and the launcher ask for.
    ///
    /// @return empty for one process that sums as a run without ranks does
    Optional<Summation> summation(Recipe recipe) {
        DistributedSection section = recipe.distributed().orElseGet(DistributedSection::usual);
        boolean declared = group.isPresent()
                || recipe.distributed()
                        .filter(DistributedSection::holdsForOneProcess)
                        .isPresent();
        return declared ? Optional.of(section.summation()) : Optional.empty();
    }

    /// The sum of gradients over micro-batches and ranks, which observes the passes of the model. The caller closes it.
    GradientReduction reduction(Recipe recipe, LanguageModel model) {
        Optional<Summation> chosen = summation(recipe);
        if (chosen.isEmpty() || chosen.get() == Summation.FAST && group.isEmpty()) {
            return GradientReduction.NONE;
        }
        Optional<GradientUnits> units = isAlone()
                ? Optional.empty()
                : Optional.of(GradientUnits.of(model.trainable().values(), model.layers()));
        return switch (chosen.get()) {
            case FIXED -> observing(model, new FixedSummation(group, units));
            case FAST -> observing(model, new FastSummation(group.orElseThrow(), units));
        };
    }

    private <S extends GradientReduction & LayerPasses> S observing(LanguageModel model, S summation) {
        if (!isAlone()) {
            model.observe(summation);
        }
        return summation;
    }

    /// The optimizer of the recipe, with its state on every rank or divided over the ranks.
    ///
    /// @throws BowlineException if the optimizer's state cannot be divided
    OptimizerSettings optimizer(RecipeFile file, OptimizerSettings whole) {
        Strategy strategy =
                file.recipe().distributed().orElseGet(DistributedSection::usual).strategy();
        if (isAlone()) {
            return whole;
        }
        return switch (strategy) {
            case DDP -> whole;
            case ZERO1, FSDP -> new ZeroSettings(divisible(file, whole, strategy), group.orElseThrow());
        };
    }

    private static AdamW.Settings divisible(RecipeFile file, OptimizerSettings whole, Strategy strategy) {
        if (whole instanceof AdamW.Settings adamW) {
            return adamW;
        }
        throw file.wrong(
                "distributed.strategy",
                "%s divides the state of adamw, and optimizer.name is %s"
                        .formatted(
                                strategy.name().toLowerCase(Locale.ROOT),
                                whole.name().name().toLowerCase(Locale.ROOT)),
                "write strategy: ddp, or optimizer.name: adamw");
    }

    /// True if the ranks divide the values of the model. An adapter is small, and its state alone is divided.
    boolean divideWeights(Recipe recipe) {
        return !isAlone()
                && recipe.peft().isEmpty()
                && recipe.distributed().orElseGet(DistributedSection::usual).strategy() == Strategy.FSDP;
    }

    /// The plan of this rank.
    ///
    /// @param model whose passes the plan's reduction observes
    /// @param sharded the values of the model, if they are divided
    /// @throws BowlineException if the optimizer's state cannot be divided
    FineTuningPlan plan(RecipeFile file, LanguageModel model, Optional<ShardedModel> sharded, FineTuningPlan whole) {
        return sharded.map(shares -> whole.with(shares.reduction())
                        .with(shares.settings(divisible(file, whole.optimizer(), Strategy.FSDP))))
                .orElseGet(() -> whole.with(reduction(file.recipe(), model)).with(optimizer(file, whole.optimizer())));
    }

    /// Divides values of a model over the ranks.
    ///
    /// @param trained the parameters to divide, by canonical name
    /// @throws BowlineException if the ranks cannot share the experts as the recipe asks
    ShardedModel divide(RecipeFile file, LanguageModel model, Map<String, Parameter> trained) {
        int epSize = ExpertShares.epSize(file, count());
        ShardedModel sharded = divide(model, trained, epSize);
        ExpertShares.requireExperts(file, epSize, sharded.sharesExperts());
        return sharded;
    }

    /// @param epSize the ranks that share the experts of a layer
    ShardedModel divide(LanguageModel model, Map<String, Parameter> trained, int epSize) {
        Map<String, Parameter> root = new LinkedHashMap<>(trained);
        List<ShardedLayer> layers = new ArrayList<>();
        for (Layer layer : model.layers()) {
            Map<String, Parameter> own = layer.parameters();
            own.keySet().retainAll(trained.keySet());
            root.keySet().removeAll(own.keySet());
            layers.add(new ShardedLayer(own, List.copyOf(layer.gatedExperts().values())));
        }
        ShardedModel sharded = new ShardedModel(group.orElseThrow(), root, layers, epSize);
        model.observe(sharded);
        return sharded;
    }

    /// One sentence for each key of the recipe that ranks do not carry out.
    List<String> notes(Recipe recipe) {
        DistributedSection section = recipe.distributed().orElseGet(DistributedSection::usual);
        List<String> notes = new ArrayList<>();
        if (!isAlone() && section.strategy() == Strategy.FSDP && recipe.peft().isPresent()) {
            notes.add("distributed.strategy: fsdp divides the state of the adapter's optimizer only: the base is not"
                    + " trained, and the ranks of one machine share its mapped files");
        }
        if (!isAlone() && section.epSize() > 1 && recipe.peft().isPresent()) {
            notes.add("distributed.ep_size: %d has no effect with peft: the ranks of one machine share the mapped files"
                            .formatted(section.epSize())
                    + " of all experts");
        }
        return notes;
    }

    /// Refuses a directory that is another one for a rank: a path of its own machine, or a file system that is not
    /// mounted there. Every rank calls this method at the same place.
    ///
    /// @param directory as this rank names it; it exists for the first rank
    void requireShared(Path directory) {
        requireShared(directory, SHARED_MILLIS);
    }

    /// @param millis the time in which a rank looks for a new file of the first rank
    void requireShared(Path directory, long millis) {
        if (isAlone()) {
            return;
        }
        List<SharedMark> mark = new ArrayList<>(1);
        try {
            Path written = Path.of(first(() -> {
                mark.add(mark(directory));
                return directory
                        .toAbsolutePath()
                        .resolve(mark.getFirst().name())
                        .toString();
            }));
            boolean isShared = isFirst()
                    || SharedMark.isIn(directory, written.getFileName().toString(), millis);
            List<String> apart = group.orElseThrow().allGather(told(directory, isShared)).stream()
                    .map(bytes -> new String(bytes, StandardCharsets.UTF_8))
                    .filter(text -> !text.isEmpty())
                    .toList();
            if (!apart.isEmpty()) {
                throw new BowlineException(
                        "%s writes into %s, which is not the same directory for %s"
                                .formatted(group.orElseThrow().name(0), written.getParent(), String.join(", ", apart)),
                        "mount one file system at the same path on every machine, and name a directory in it as"
                                + " checkpoint.checkpoint_dir");
            }
        } finally {
            mark.forEach(SharedMark::close);
        }
    }

    /// Empty if the directory is shared.
    private byte[] told(Path directory, boolean isShared) {
        String text = isShared
                ? ""
                : "%s, which sees %s"
                        .formatted(
                                group.orElseThrow().name(group.orElseThrow().rank()),
                                Files.isDirectory(directory) ? "another one there" : "none there");
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static SharedMark mark(Path directory) {
        try {
            return SharedMark.write(directory);
        } catch (IOException e) {
            throw new BowlineException(
                    "%s cannot be written: %s".formatted(directory, e.getMessage()),
                    "name a directory that you may write to as checkpoint.checkpoint_dir",
                    e);
        }
    }

    /// True on every rank if it is true on one. Every rank calls this method at the same place.
    boolean any(boolean mine) {
        return isAlone() ? mine : group.orElseThrow().allReduceSum(mine ? 1 : 0)[0] > 0;
    }

    /// A value of the first rank, on every rank. If the first rank fails, every rank fails for the same reason.
    ///
    /// @param work runs on the first rank only
    String first(Supplier<String> work) {
        if (isAlone()) {
            return work.get();
        }
        Optional<RuntimeException> own = Optional.empty();
        JsonObject answer = JsonObject.of();
        if (isFirst()) {
            try {
                answer = answer.with(VALUE, work.get());
            } catch (RankFailure e) {
                throw e;
            } catch (BowlineException e) {
                own = Optional.of(e);
                answer =
                        answer.with(PROBLEM, e.problem()).with(FIX, e.howToFix().toString());
            }
        }
        byte[] bytes = group.orElseThrow()
                .allGather(Json.compact(answer).getBytes(StandardCharsets.UTF_8))
                .getFirst();
        if (own.isPresent()) {
            throw own.get();
        }
        JsonObject told =
                Json.parse(new String(bytes, StandardCharsets.UTF_8), "rank 0").asObject();
        if (told.has(PROBLEM)) {
            throw new BowlineException(told.requireString(PROBLEM), told.requireString(FIX));
        }
        return told.requireString(VALUE);
    }

    /// A value of the first rank, on every rank, from work that may take longer than a rank waits for another one. The
    /// work reads the weights of a fine-tuning. Every rank calls this method at the same place.
    ///
    /// @param work runs on the first rank only
    String firstOf(FineTuning tuning, Supplier<String> work) {
        if (isAlone()) {
            return work.get();
        }
        ProcessGroup ranks = group.orElseThrow();
        if (!isFirst()) {
            if (tuning.isDivided()) {
                tuning.onFirst(() -> {});
            } else {
                RankPulse.await(ranks);
            }
        }
        return first(() -> {
            if (!tuning.isDivided()) {
                try (RankPulse _ = RankPulse.start(ranks)) {
                    return work.get();
                }
            }
            List<String> told = new ArrayList<>(1);
            tuning.onFirst(() -> told.add(work.get()));
            return told.getFirst();
        });
    }

    /// Compares the facts that the ranks must agree on.
    void agree(Fingerprint plan) {
        if (!isAlone()) {
            group.orElseThrow().agree(plan);
        }
    }

    /// The longest of the texts of all ranks, the first of several.
    String longest(String mine) {
        return group.orElseThrow().allGather(mine.getBytes(StandardCharsets.UTF_8)).stream()
                .reduce((one, other) -> other.length > one.length ? other : one)
                .map(bytes -> new String(bytes, StandardCharsets.UTF_8))
                .orElseThrow();
    }

    /// The sums of whole numbers over all ranks.
    ///
    /// @param mine the same number of values on every rank
    long[] sum(long[] mine) {
        if (isAlone()) {
            return mine.clone();
        }
        long[] all = group.orElseThrow().allGather(mine);
        long[] sums = new long[mine.length];
        for (int i = 0; i < all.length; i++) {
            sums[i % mine.length] += all[i];
        }
        return sums;
    }
}
