package dev.bowline.train;

import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.LoadReport;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Slot;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;

/// Copies small frozen weights out of the mapped files, so that a run does not depend on the files for them: a
/// write to a file changes mapped weights, and a truncated file ends a process that reads beyond the end of the
/// file.
final class FrozenCopies {

    /// A small amount compared with the memory of any training.
    static final long MAX_BYTES = 64L << 20;

    private FrozenCopies() {}

    /// Copies weights in order of size, the smallest first, up to `maxBytes` in total.
    ///
    /// @return the tensors that the model still reads from the mapped files
    static List<String> copy(Pretrained pretrained, long maxBytes) {
        List<LoadReport.Filled> mapped = pretrained.report().filled().stream()
                .filter(each -> each.placement() == LoadReport.Placement.MAPPED)
                .filter(each -> !slot(pretrained.model(), each.slot()).get().requiresGrad())
                .sorted(Comparator.comparingLong(LoadReport.Filled::bytes))
                .toList();
        List<String> left = new ArrayList<>();
        long room = maxBytes;
        for (LoadReport.Filled each : mapped) {
            if (each.bytes() <= room) {
                slot(pretrained.model(), each.slot()).get().copyReadOnly();
                room -= each.bytes();
            } else {
                left.addAll(each.keys());
            }
        }
        return left;
    }

    private static Slot slot(LanguageModel model, String name) {
        return Objects.requireNonNull(model.slots().get(name));
    }
}
