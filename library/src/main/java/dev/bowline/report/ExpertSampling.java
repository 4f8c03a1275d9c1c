package dev.bowline.report;

import dev.bowline.train.ExpertBalance;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/// Turns the load of experts since the start into the load since the sample before.
final class ExpertSampling {

    private final Map<String, List<Long>> before = new HashMap<>();

    /// @param sinceStart the load of each layer, which only grows
    List<ExpertBalance> next(List<ExpertBalance> sinceStart) {
        List<ExpertBalance> differences = new ArrayList<>();
        for (ExpertBalance layer : sinceStart) {
            List<Long> now = layer.chosen();
            List<Long> earlier = before.put(layer.layer(), now);
            differences.add(
                    earlier == null
                            ? layer
                            : new ExpertBalance(
                                    layer.layer(),
                                    IntStream.range(0, now.size())
                                            .mapToObj(expert -> now.get(expert) - earlier.get(expert))
                                            .toList()));
        }
        return differences;
    }
}
