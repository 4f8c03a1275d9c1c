package dev.bowline.train;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.nn.ExpertLoad;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/// The load of each expert of a layer over the steps of a run. Padding does not count.
///
/// @param layer the path of the experts
/// @param chosen the number of times that each expert was chosen
public record ExpertBalance(String layer, List<Long> chosen) {

    public ExpertBalance {
        chosen = List.copyOf(chosen);
    }

    static List<ExpertBalance> of(ExpertLoad load) {
        List<ExpertBalance> layers = new ArrayList<>();
        load.chosen()
                .forEach((layer, counts) -> layers.add(
                        new ExpertBalance(layer, Arrays.stream(counts).boxed().toList())));
        return layers;
    }

    /// The load over all ranks, in the order of the layers' paths. Every rank calls this method at the same place.
    static List<ExpertBalance> over(RunRanks ranks, List<ExpertBalance> own) {
        if (ranks.isAlone() || !ranks.any(!own.isEmpty())) {
            return own;
        }
        // A rank that had no row has seen no layer.
        String layers = ranks.longest(Json.compact(JsonValue.of(own.stream()
                .map(one -> JsonObject.of()
                        .with("layer", one.layer())
                        .with("experts", one.chosen().size()))
                .toList())));
        List<ExpertBalance> sums = new ArrayList<>();
        for (JsonObject each : Json.parse(layers, "the ranks").asArray().objects()) {
            String layer = each.requireString("layer");
            long[] mine = own.stream()
                    .filter(one -> one.layer().equals(layer))
                    .findFirst()
                    .map(one -> one.chosen().stream().mapToLong(Long::longValue).toArray())
                    .orElseGet(() -> new long[each.requireInt("experts")]);
            sums.add(new ExpertBalance(
                    layer, Arrays.stream(ranks.sum(mine)).boxed().toList()));
        }
        return sums;
    }

    /// The number of choices of all experts: tokens times experts per token.
    public long choices() {
        return chosen.stream().mapToLong(Long::longValue).sum();
    }

    /// The fraction of all choices that an expert has; 1 / experts if the load is even.
    public double share(int expert) {
        return choices() == 0 ? 0 : (double) chosen.get(expert) / choices();
    }

    public double least() {
        return IntStream.range(0, chosen.size()).mapToDouble(this::share).min().orElse(0);
    }

    public double most() {
        return IntStream.range(0, chosen.size()).mapToDouble(this::share).max().orElse(0);
    }

    /// The number of experts that were never chosen.
    public List<Integer> unused() {
        return IntStream.range(0, chosen.size())
                .filter(expert -> chosen.get(expert) == 0)
                .boxed()
                .toList();
    }
}
