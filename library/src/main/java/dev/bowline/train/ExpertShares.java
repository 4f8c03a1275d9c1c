package dev.bowline.train;

import dev.bowline.recipe.DistributedSection;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.train.TrainedValues.LayerValues;

/// The memory and the communication of ranks that share experts.
///
/// @param worldSize the number of ranks
/// @param epSize the ranks that share the experts of a layer
record ExpertShares(int worldSize, int epSize) {

    private static final String KEY = "distributed.ep_size";

    /// The ranks that share the experts of a layer in a run of the recipe: 1 if every rank computes all experts.
    ///
    /// @throws dev.bowline.BowlineException if the number of ranks is not a multiple of `ep_size`
    static int epSize(RecipeFile file, int worldSize) {
        int asked = file.recipe().distributed().map(DistributedSection::epSize).orElse(1);
        if (worldSize == 1 || file.recipe().peft().isPresent()) {
            return 1;
        }
        if (worldSize % asked != 0) {
            throw file.wrong(
                    KEY,
                    "%d ranks would share the experts of a layer, and the run has %d ranks".formatted(asked, worldSize),
                    "write a divisor of %d as ep_size, or start a multiple of %d ranks".formatted(worldSize, asked));
        }
        return asked;
    }

    /// Refuses `ep_size` for a run that has no experts to share.
    ///
    /// @param isShared true if the run trains experts
    static void requireExperts(RecipeFile file, int epSize, boolean isShared) {
        if (epSize > 1 && !isShared) {
            throw file.wrong(
                    KEY,
                    "%d ranks would share the experts of a layer, and the run trains no experts".formatted(epSize),
                    "remove ep_size; or name a model with experts, and do not freeze them");
        }
    }

    /// The ranks that divide the values of a part of the experts.
    private int divisor() {
        return worldSize / epSize;
    }

    /// Bytes of the values and gradients of experts, while a layer computes: a gradient for the rows of each rank, and
    /// with several ranks for a part, the values of the part, and the gradients to send and as received.
    ///
    /// @param layer with the experts
    long working(LayerValues layer, long bytesOfValue) {
        long values = divisor() == 1 ? 0 : layer.experts() / epSize;
        long gradients = divisor() == 1 ? layer.experts() : 3 * layer.experts();
        return bytesOfValue * (values + gradients);
    }

    /// Bytes of the rows that a rank receives and keeps for the backward pass, if the router sends as many rows to
    /// every
    /// rank.
    long received(TrainedValues trained) {
        long layers = switch (trained.checkpointing()) {
            case OFF -> trained.layersWithExperts();
            case PER_LAYER -> Math.min(1, trained.layersWithExperts());
        };
        return trained.rows() * layers * trained.dtype().bytes();
    }

    /// Bytes that a rank sends in a step for the experts. A row travels to its expert and back, and so do its
    /// gradients;
    /// a checkpoint of activations sends it once more.
    long sent(TrainedValues trained, int passes) {
        long times = switch (trained.checkpointing()) {
            case OFF -> 4;
            case PER_LAYER -> 6;
        };
        long rows = times * trained.layersWithExperts() * (trained.rows() - trained.rows() / epSize);
        long share = Math.ceilDiv(trained.experts(), worldSize);
        long values = (divisor() - 1) * share * (2 + epSize);
        return passes * (rows + values) * trained.dtype().bytes();
    }
}
