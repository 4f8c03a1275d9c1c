package dev.bowline.adapter.export;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.adapter.format.LoraConfig.Variant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The reasons why a program cannot apply an adapter's deltas to the base. A merged model avoids all of them.
final class Refusals {

    private final SourceAdapter source;
    private final ExportBase base;
    private final ExportTarget target;
    private final List<String> reasons = new ArrayList<>();

    Refusals(SourceAdapter source, ExportBase base, ExportTarget target) {
        this.source = source;
        this.base = base;
        this.target = target;
        if (source.config().variant() == Variant.DORA) {
            reasons.add("it does not compute DoRA");
        }
        if (!source.wholes().isEmpty() && source.config().variant() != Variant.DORA) {
            reasons.add("it loads no values that replace the base's, such as '%s'"
                    .formatted(source.wholes().getFirst()));
        }
    }

    void add(String reason) {
        reasons.add(reason);
    }

    /// @throws BowlineException with every reason
    void requireNone() {
        if (!reasons.isEmpty()) {
            throw new BowlineException(
                    "%s cannot apply the adapter %s: %s"
                            .formatted(
                                    target.title(),
                                    source.files().directory(),
                                    String.join(
                                            "; ", reasons.stream().distinct().toList())),
                    Fix.of("merge the adapter into the base, and use the merged model: ")
                            .and(new Remedy.MergeAdapter(
                                    Optional.of(base.directory()),
                                    source.files().directory())));
        }
    }
}
