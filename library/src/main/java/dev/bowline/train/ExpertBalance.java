package dev.bowline.train;

import dev.bowline.nn.ExpertLoad;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/// How a layer's router spread the tokens of a run over its experts. Padding is not counted.
///
/// @param layer the path of its experts
/// @param chosen how often each expert was chosen
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

    /// Choices of all experts together: tokens times experts per token.
    public long choices() {
        return chosen.stream().mapToLong(Long::longValue).sum();
    }

    /// An expert's part of all choices; 1 / experts when the load is even.
    public double share(int expert) {
        return choices() == 0 ? 0 : (double) chosen.get(expert) / choices();
    }

    public double least() {
        return IntStream.range(0, chosen.size()).mapToDouble(this::share).min().orElse(0);
    }

    public double most() {
        return IntStream.range(0, chosen.size()).mapToDouble(this::share).max().orElse(0);
    }

    /// Experts that no token was sent to.
    public List<Integer> unused() {
        return IntStream.range(0, chosen.size())
                .filter(expert -> chosen.get(expert) == 0)
                .boxed()
                .toList();
    }
}
