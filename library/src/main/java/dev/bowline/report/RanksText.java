package dev.bowline.report;

import dev.bowline.memory.MemoryReport;
import dev.bowline.recipe.DistributedSection;
import dev.bowline.train.RecipeRanks;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// The ranks of a recipe as a table.
public final class RanksText implements TextRenderer<RecipeRanks> {

    private final MemoryReport memory;

    /// @param memory of one rank, without its sums
    public RanksText(MemoryReport memory) {
        this.memory = memory;
    }

    @Override
    public String text(RecipeRanks ranks) {
        DistributedSection section = ranks.section();
        Table table = Table.ofFields()
                .row(
                        "world",
                        "%s, %d on this machine"
                                .formatted(Quantity.count(ranks.worldSize(), "rank"), ranks.onMachine()))
                .row("strategy", "%s: %s".formatted(name(section.strategy()), strategy(section)))
                .row("summation", "%s: %s".formatted(name(section.summation()), summation(section)))
                .row("micro-batches", microBatches(ranks.microBatches()));
        if (ranks.epSize() > 1) {
            table.row(
                    "experts",
                    "%s share those of a layer, and rows travel to them"
                            .formatted(Quantity.count(ranks.epSize(), "rank")));
        }
        table.row("sent", "%s by each rank in a step".formatted(Quantity.bytes(ranks.sent())));
        long each = memory.estimate().total() + ranks.sums() - ranks.divided();
        String sums = ranks.sums() > 0 ? ", %s of it for sums".formatted(Quantity.bytes(ranks.sums())) : "";
        return table.row("memory of a rank", "about %s%s".formatted(Quantity.bytes(each), sums))
                .row(
                        "of this machine",
                        "about %s, %s available"
                                .formatted(
                                        Quantity.bytes(each * ranks.onMachine()),
                                        Quantity.bytes(memory.available().bytes())))
                .text();
    }

    /// Neighbours with the same number as one: `2 each of ranks 0 to 2, none of rank 3`.
    private static String microBatches(List<Integer> byRank) {
        List<String> parts = new ArrayList<>();
        int from = 0;
        while (from < byRank.size()) {
            int count = byRank.get(from);
            int to = from;
            while (to + 1 < byRank.size() && byRank.get(to + 1) == count) {
                to++;
            }
            String share = count == 0 ? "none" : Integer.toString(count);
            parts.add(
                    from == to
                            ? "%s of rank %d".formatted(share, from)
                            : "%s each of ranks %d to %d".formatted(share, from, to));
            from = to + 1;
        }
        return String.join(", ", parts) + " in a step";
    }

    private static String name(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    private static String strategy(DistributedSection section) {
        return switch (section.strategy()) {
            case DDP -> "every rank has all weights and the whole state of the optimizer";
            case ZERO1 -> "every rank has all weights and its part of the state of the optimizer";
            case FSDP -> "every rank has its part of the weights, the gradients and the state of the optimizer";
        };
    }

    private static String summation(DistributedSection section) {
        return switch (section.summation()) {
            case FIXED -> "the same bits on any number of ranks";
            case FAST -> "each number of ranks rounds in its own way";
        };
    }
}
