package dev.bowline.parallel;

import dev.bowline.nn.GatedExperts;
import dev.bowline.nn.LinearStack;
import dev.bowline.nn.Parameter;
import java.util.List;
import java.util.Map;

/// The parts of a decoder layer that ranks divide.
///
/// @param parameters the trained parameters, by canonical name
/// @param experts the experts of the layer, whose parameters may be among those
public record ShardedLayer(Map<String, Parameter> parameters, List<GatedExperts> experts) {

    /// The experts whose values are all trained. Only those are computed by one rank each.
    public List<GatedExperts> trainedExperts() {
        return experts.stream()
                .filter(each -> isTrained(each.gateUp()) && isTrained(each.down()))
                .toList();
    }

    private boolean isTrained(LinearStack stack) {
        return parameters.get(stack.path()) == stack.weight().get();
    }
}
