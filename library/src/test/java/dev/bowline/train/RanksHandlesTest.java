package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.data.Example;
import dev.bowline.data.PackedRow;
import dev.bowline.data.TrainingRows;
import dev.bowline.distributed.ProcessGroup;
import dev.bowline.distributed.Ranks;
import dev.bowline.fixtures.Golden;
import dev.bowline.model.LanguageModel;
import dev.bowline.optim.AdamW;
import dev.bowline.optim.StateBytes;
import dev.bowline.parallel.FastSummation;
import dev.bowline.parallel.FixedSummation;
import dev.bowline.parallel.GradientUnits;
import dev.bowline.parallel.ShardedModel;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Steps over ranks leave no native handle.
class RanksHandlesTest {

    private enum Kind {
        FAST,
        FIXED,
        SHARED_EXPERTS
    }

    private static List<PackedRow> rows() {
        List<Example> examples = new ArrayList<>();
        for (int row = 0; row < 3; row++) {
            int[] ids = new int[9];
            boolean[] targets = new boolean[9];
            for (int i = 0; i < ids.length; i++) {
                ids[i] = 1 + (31 * row + 7 * i) % 90;
                targets[i] = i > 2;
            }
            examples.add(new Example(ids, targets, "rows:" + row));
        }
        return PackedRow.unpacked(examples);
    }

    private static FineTuningPlan plan(Kind kind, ProcessGroup group, LanguageModel model) {
        FineTuningPlan plan = FineTuningPlan.of(3, 6, 1e-3);
        GradientUnits units = GradientUnits.of(model.trainable().values(), model.layers());
        return switch (kind) {
            case FAST -> {
                FastSummation summation = new FastSummation(group, Optional.of(units));
                model.observe(summation);
                yield plan.with(summation);
            }
            case FIXED -> {
                FixedSummation summation = new FixedSummation(Optional.of(group), Optional.of(units));
                model.observe(summation);
                yield plan.with(summation);
            }
            case SHARED_EXPERTS -> {
                ShardedModel sharded = new RunRanks(Optional.of(group)).divide(model, model.trainable(), 2);
                yield plan.with(sharded.reduction()).with(sharded.settings(AdamW.Settings.defaults()));
            }
        };
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void stepsOverRanksFreeWhatTheyAllocate(Kind kind) {
        List<List<Long>> ranks = Ranks.run(2, group -> {
            try (TensorScope _ = TensorScope.open();
                    Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("gemma4", "moe_tied"))) {
                LanguageModel model = pretrained.model();
                FineTuningPlan plan = plan(kind, group, model);
                List<Long> counts = new ArrayList<>();
                try (FineTuning tuning =
                        new FineTuning(model, new TrainingRows(rows(), TrainingRows.Order.AS_READ, 5), plan)) {
                    for (int step = 0; step < 6; step++) {
                        tuning.step();
                        tuning.onFirst(() -> StateBytes.of(tuning.wholeOptimizerState()));
                        group.barrier("the step is taken");
                        counts.add(Pointer.totalCount());
                        group.barrier("the handles are counted");
                    }
                }
                return counts;
            }
        });

        List<Long> counts = ranks.getFirst();
        assertTrue(counts.getLast() <= counts.get(1), counts.toString());
    }
}
